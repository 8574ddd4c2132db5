"""Requests read strictly: what would be ignored, or read in two ways, is refused and named."""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scrubjay_server.http.access import principal_of
from scrubjay_server.http.connections import WholeBodies
from scrubjay_server.http.problems import PRIVATE, problem
from scrubjay_tools.boundary import explained

_NAME_CHARS = 80


class PlainRequest(Request):
    """A request whose body is one JSON object; anything else raises HTTPException."""

    async def json(self) -> dict[str, Any]:
        """Return the object in the body; raises 400."""
        return parsed(await self.body())


def parsed(body: bytes) -> dict[str, Any]:
    """Return the one JSON object in a body; raises HTTPException 400 that says where it is wrong.

    Refused as well: not UTF-8, a name twice in one object, NaN and infinities, half a surrogate pair.
    """
    try:
        text = body.decode()
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise HTTPException(
            400, f"the body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}"
        ) from error
    except UnicodeDecodeError as error:
        raise HTTPException(400, "the body is not UTF-8") from error
    except UnicodeEncodeError as error:
        raise HTTPException(400, "the body holds half a surrogate pair, which is not valid Unicode") from error
    except RecursionError as error:
        raise HTTPException(400, "the body is nested too deeply") from error
    except ValueError as error:  # a whole number of more digits than Python reads
        raise HTTPException(400, "the body holds a number that is too long") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    together = dict(pairs)
    if len(together) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise HTTPException(400, f"the body names {twice[:_NAME_CHARS]!r} twice in one object")
    return together


def _no_number(name: str) -> NoReturn:
    raise HTTPException(400, f"the body holds {name}, which is not JSON")


class PlainRoute(APIRoute):
    """A route that refuses every parameter it does not know, and tells what is wrong in plain words.

    A request waits until it is the turn of whoever sent it, before its body is read, and has it until the answer is
    sent: a person's bodies, and what they have streamed to them, take no more memory than their turns allow.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request when it is its turn."""
        async with scope["app"].state.turns.of(principal_of(HTTPConnection(scope))):
            await WholeBodies(super().handle)(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request to this route."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            plain = PlainRequest(request.scope, request.receive)
            self._check_address(plain)
            if self.body_field is not None:
                await _check_kind(plain)
            try:
                response = await handle(plain)
            except RequestValidationError as error:
                response = problem(422, self._explained(error.errors()))
            response.headers.update(PRIVATE)
            return response

        return answer

    def _check_address(self, request: Request) -> None:
        """Raise HTTPException for an address that is not UTF-8, and for a parameter given twice or not known."""
        try:
            unquote_to_bytes(request.scope.get("raw_path", b"")).decode()
            unquote_to_bytes(request.scope["query_string"]).decode()
        except UnicodeDecodeError as error:
            raise HTTPException(400, "the address is not UTF-8") from error
        taken = self._parameters()
        given = [name for name, _ in request.query_params.multi_items()]
        for name in given:
            if name not in taken:
                known = f"it takes {', '.join(taken)}" if taken else "it takes none"
                raise HTTPException(422, f"there is no parameter {name[:_NAME_CHARS]!r}; {known}")
            if given.count(name) > 1:
                raise HTTPException(422, f"the parameter {name!r} is given more than once")

    def _parameters(self) -> list[str]:
        return [name for model in _models(self.dependant.query_params) for name in model.model_fields]

    def _explained(self, problems: Sequence[Mapping[str, Any]]) -> str:
        """Return what is wrong on one line; each problem's place begins with "body", "query" or "path"."""
        body = _models([self.body_field] if self.body_field else [])
        schema = body[0].model_json_schema() if body else {}
        return explained([{**each, "loc": each["loc"][1:] or ("the body",)} for each in problems], schema)


def _models(fields: Sequence[Any]) -> list[type[BaseModel]]:
    kinds = [field.field_info.annotation for field in fields]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


async def _check_kind(request: PlainRequest) -> None:
    """Raise HTTPException unless there is a body, and it is said to be JSON."""
    if not await request.body():
        raise HTTPException(400, "the body is missing; send a JSON object")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(
            415, f"the body is {kind[:_NAME_CHARS] or 'of no kind'}; send a JSON object, as application/json"
        )
