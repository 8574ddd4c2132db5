"""The outer contract: names, parameters, defaults, annotations. Other people's configuration depends on them."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp.types import Tool

from wire import Connect

pytestmark = pytest.mark.anyio

SNAPSHOT = Path(__file__).with_name("tools.json")
PARAMETERS = {
    "add_memory": {
        "content": "", "messages": [], "facts": [], "scope": "user", "session_id": "", "metadata": {}, "infer": True,
    },
    "search_memories": {
        "query": ..., "limit": 10, "max_tokens": 500, "scope": "all", "session_id": "", "category": "", "metadata": {},
        "since": "", "until": "", "as_of": "", "min_score": 0.0, "entity": "",
    },
    "list_memories": {
        "scope": "all", "session_id": "", "category": "", "metadata": {}, "state": "", "limit": 50, "max_tokens": 800,
        "cursor": "", "as_of": "", "history_of": "", "include_superseded": False, "entity": "",
    },
    "update_memory": {"memory_id": ..., "content": ...},
    "forget": {
        "memory_ids": [], "query": "", "everything": False, "scope": "user", "session_id": "", "confirm": "",
    },
}  # fmt: skip
# read_only, destructive, idempotent; every tool is closed-world
ANNOTATIONS = {
    "add_memory": (False, False, False),
    "search_memories": (True, None, None),
    "list_memories": (True, None, None),
    "update_memory": (False, False, True),
    "forget": (False, True, True),
}


@pytest.fixture
async def tools(connect: Connect) -> dict[str, Tool]:
    async with connect() as wire:
        return {tool.name: tool for tool in (await wire.client.list_tools()).tools}


async def test_the_tools_are_these_with_these_parameters(tools: dict[str, Tool]) -> None:
    found = {
        name: {parameter: spec.get("default", ...) for parameter, spec in tool.input_schema["properties"].items()}
        for name, tool in tools.items()
    }
    assert found == PARAMETERS


async def test_the_annotations_are_true_to_behaviour(tools: dict[str, Tool]) -> None:
    for name, tool in tools.items():
        hints = tool.annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint) == ANNOTATIONS[name]
        assert hints.open_world_hint is False


async def test_every_tool_has_a_title_a_description_and_both_schemas(tools: dict[str, Tool]) -> None:
    for tool in tools.values():
        assert tool.title
        assert tool.description
        assert "\n  " not in tool.description
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema


async def test_every_object_in_the_arguments_refuses_unknown_names(tools: dict[str, Tool]) -> None:
    open_by_intent = {"metadata"}

    def objects(node: Any, name: str) -> list[tuple[str, dict[str, Any]]]:
        if isinstance(node, list):
            return [found for item in node for found in objects(item, name)]
        if not isinstance(node, dict):
            return []
        here = [(name, node)] if node.get("type") == "object" else []
        return here + [found for key, item in node.items() for found in objects(item, key)]

    for tool in tools.values():
        for name, node in objects(tool.input_schema, tool.name):
            assert name in open_by_intent or node["additionalProperties"] is False, (tool.name, name)


async def test_the_descriptions_teach_what_a_good_fact_is(tools: dict[str, Tool]) -> None:
    taught = json.dumps([tools["add_memory"].description, tools["add_memory"].input_schema])
    for lesson in (
        "without being asked", "atomic", "self-contained", "third person", "absolute dates", "own language", "related",
        "replaces", "never anything personal", "evidence",
    ):  # fmt: skip
        assert lesson in taught


async def test_what_models_read_changes_on_purpose_only(tools: dict[str, Tool]) -> None:
    read = {name: {"description": tool.description, "input_schema": tool.input_schema} for name, tool in tools.items()}
    assert read == json.loads(SNAPSHOT.read_text(encoding="utf-8")), "if it is meant, write it into tools.json"


async def test_the_list_of_tools_stays_small(tools: dict[str, Tool]) -> None:
    listed = json.dumps([tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools.values()])
    assert len(listed) < 17_000


async def test_the_server_introduces_itself(connect: Connect) -> None:
    async with connect() as wire:
        assert "search_memories" in str(wire.client.instructions)
        assert wire.client.server_info.name == "scrubjay"


async def test_resources_and_prompts_are_these(connect: Connect) -> None:
    async with connect() as wire:
        resources = (await wire.client.list_resources()).resources
        templates = (await wire.client.list_resource_templates()).resource_templates
        prompts = (await wire.client.list_prompts()).prompts
    assert sorted(str(resource.uri) for resource in resources) == ["memory://graph", "memory://profile"]
    assert [template.uri_template for template in templates] == ["memory://memories/{id}"]
    assert {prompt.name: [a.name for a in prompt.arguments or []] for prompt in prompts} == {
        "what_do_you_know_about_me": [],
        "remember_this_conversation": [],
        "recall": ["topic"],
    }
