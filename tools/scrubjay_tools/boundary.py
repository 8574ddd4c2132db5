"""The one border between the wire and the engine: strict arguments in, errors of ours out."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations
from pydantic import BaseModel, ConfigDict, ValidationError, create_model, model_validator

from scrubjay.errors import MemoryNotFound, ScrubjayError

if TYPE_CHECKING:
    from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase

logger = logging.getLogger(__name__)

_MOST_PROBLEMS = 3
_MOST_NAMES = 100
"""More than anything has fields: of an object with more, as much is looked at as it takes to refuse it."""


class Strict(BaseModel):
    """Arguments that refuse unknown names and read null as "the default"."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in islice(data.items(), _MOST_NAMES) if value is not None}


class StrictTool(Tool):
    """A tool whose arguments are `Strict` and whose failures are one line that says what to do."""

    @classmethod
    def of(cls, function: Callable[..., Any], *, title: str, annotations: ToolAnnotations) -> "StrictTool":
        """Return the tool that calls `function`; its docstring is the description."""
        tool = cast("StrictTool", cls.from_function(function, title=title, annotations=annotations))
        arguments = tool.fn_metadata.arg_model
        strict = cast("type[ArgModelBase]", create_model(arguments.__name__, __base__=(Strict, arguments)))
        tool.fn_metadata.arg_model = strict
        tool.parameters = untitled(strict.model_json_schema(by_alias=True))
        tool.fn_metadata.output_schema = untitled(tool.fn_metadata.output_schema or {})
        tool.description = "\n".join(line.strip() for line in tool.description.strip().splitlines())
        return tool

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Run the tool; every failure that is not ours is told in general words and logged in full."""
        try:
            return await super().run(arguments, context, convert_result=convert_result)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ValidationError):
                raise ToolError(f"{self.name}: {explained(problems_of(cause), self.parameters)}") from None
            if isinstance(cause, ScrubjayError):
                logger.info("%s failed", self.name, exc_info=cause)
                raise ToolError(f"{self.name}: {cause}") from None
            if isinstance(cause, ToolError):
                raise
            logger.exception("%s failed unexpectedly", self.name)
            raise ToolError(f"{self.name} failed inside; the server's log has the details") from None


@contextmanager
def resource_errors() -> Iterator[None]:
    """Let the engine's errors reach the reader of a resource or a prompt."""
    try:
        yield
    except MemoryNotFound as error:
        raise ResourceNotFoundError(str(error)) from None
    except ScrubjayError as error:
        raise ResourceError(str(error)) from None


def untitled(schema: Any) -> Any:
    """Return a schema without the titles that pydantic makes of names: they say nothing and cost a model tokens."""
    if isinstance(schema, dict):
        return {key: untitled(part) for key, part in schema.items() if not (key == "title" and isinstance(part, str))}
    return [untitled(part) for part in schema] if isinstance(schema, list) else schema


Problem = Mapping[str, Any]
"""One thing that is wrong with the arguments, as pydantic tells it: `loc`, `type` and `msg`."""


def problems_of(error: ValidationError) -> list[Problem]:
    """Return everything that is wrong with the arguments."""
    return [dict(problem) for problem in error.errors(include_url=False, include_input=False)]


def explained(problems: Sequence[Problem], schema: dict[str, Any]) -> str:
    """Return what is wrong with the arguments on one line, in plain words."""
    told = [_problem(problem, schema) for problem in problems[:_MOST_PROBLEMS]]
    more = f"; and {len(problems) - _MOST_PROBLEMS} more problems" if len(problems) > _MOST_PROBLEMS else ""
    return "; ".join(told) + more


def _problem(problem: Problem, schema: dict[str, Any]) -> str:
    place = problem["loc"]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    if problem["type"] == "extra_forbidden":
        known = ", ".join(_fields_at(place[:-1], schema))
        return f"there is no argument {where[:80]!r}; it takes {known}"
    if problem["type"] == "missing":
        return f"{where} is missing"
    told = str(problem["msg"]).replace("Input should be", "must be").replace(" after validation", "")
    told = told.replace("String should", "must").replace("List should", "must").replace("valid string", "text")
    told = told.replace("valid dictionary", "JSON object").removeprefix("Value error, ")
    told = told.partition(" or instance of ")[0]
    return f"{where} {told}"


def _fields_at(place: tuple[Any, ...], schema: dict[str, Any]) -> list[str]:
    node = schema
    for part in place:
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
        node = node.get("anyOf", [node])[0]  # the other one is null
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return list(node.get("properties", {}))
