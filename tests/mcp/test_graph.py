"""People, places and things: memories by entity, and the graph."""

import json
from typing import Any

import pytest

from wire import Connect, Wire

pytestmark = pytest.mark.anyio


def texts(shape: dict[str, Any], key: str = "memories") -> list[str]:
    return [item["memory"] for item in shape[key]]


def relation(subject: str, predicate: str, object_: str) -> dict[str, str]:
    return {"subject": subject, "predicate": predicate, "object": object_}


async def graph(wire: Wire) -> dict[str, Any]:
    read = (await wire.client.read_resource("memory://graph")).contents[0]
    return dict(json.loads(read.text))  # type: ignore[union-attr]


async def works_at(wire: Wire, company: str, since: str, *, replaces: list[str]) -> str:
    fact = {
        "text": f"Ana works at {company}", "valid_from": since, "replaces": replaces, "entities": ["Ana"],
        "relations": [relation("Ana", "works_at", company)],
    }  # fmt: skip
    return str((await wire.ok("add_memory", facts=[fact]))["results"][0]["id"])


@pytest.mark.promise("history")
async def test_what_an_entitys_relations_were_can_be_asked(connect: Connect) -> None:
    async with connect() as wire:
        acme = await works_at(wire, "Acme", "2026-01-01", replaces=[])
        assert await works_at(wire, "Globex", "2026-06-01", replaces=[acme]) == acme
        for entity in ("Ana", " ANA"):
            assert texts(await wire.ok("list_memories", entity=entity)) == ["Ana works at Globex"]
            then = await wire.ok("list_memories", entity=entity, as_of="2026-03-01")
            assert [(m["memory"], m["valid_from"], m["valid_to"]) for m in then["memories"]] == [
                ("Ana works at Acme", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z")
            ]
            found = await wire.ok("search_memories", query="who employs her?", entity=entity, as_of="2026-03-01")
            assert texts(found, "results") == ["Ana works at Acme"]
        assert (await wire.ok("list_memories", entity="Ana", as_of="2025-12-31"))["total"] == 0
        assert (await wire.ok("list_memories", entity="Acme"))["total"] == 0
        assert texts(await wire.ok("list_memories", entity="acme", include_superseded=True)) == ["Ana works at Acme"]
        assert (await graph(wire))["relations"] == [
            {**relation("Ana", "works_at", "Globex"), "valid_from": "2026-06-01T00:00:00Z", "memory_id": acme}
        ]


async def test_search_by_entity_finds_its_facts_and_the_words_they_rest_on(connect: Connect) -> None:
    async with connect() as wire:
        await wire.ok(
            "add_memory",
            messages=[
                {"content": "Luis plays the cello in a quartet every Thursday and hates mornings"},
                {"content": "Luisa plays the violin"},
            ],
            facts=[{"text": "Luis is a cellist", "evidence": "Luis plays the cello", "entities": ["Luis"]}],
        )
        found = await wire.ok("search_memories", query="who plays an instrument in a quartet?", entity="luis")
        assert set(texts(found, "results")) <= {
            "Luis plays the cello in a quartet every Thursday and hates mornings", "Luis is a cellist",
        }  # fmt: skip
        assert found["results"]
        assert (await wire.ok("search_memories", query="who plays?", entity="Lui"))["results"] == []
        assert texts(await wire.ok("list_memories", entity="Luis")) == ["Luis is a cellist"]


async def test_an_alias_that_was_told_joins_names_and_nothing_else_does(connect: Connect) -> None:
    async with connect() as wire:
        added = await wire.ok(
            "add_memory",
            facts=[
                {"text": "Robert Tanaka leads the project", "entities": ["Robert Tanaka"]},
                {"text": "Bob lives in Faro", "relations": [relation("Bob", "lives_in", "Faro")]},
                {"text": "Bobby likes tea", "entities": ["Bobby"]},
            ],
        )
        leads, lives, likes = (result["id"] for result in added["results"])
        assert [entity["name"] for entity in (await graph(wire))["entities"]].count("Bob") == 1
        assert texts(await wire.ok("list_memories", entity="Bob")) == ["Bob lives in Faro"]
        known_as = relation("Robert Tanaka", "also_known_as", "Bob")
        added = await wire.ok("add_memory", facts=[{"text": "Robert Tanaka is called Bob", "relations": [known_as]}])
        alias = added["results"][0]["id"]
        for name in ("bob", "ROBERT  TANAKA"):
            assert set(texts(await wire.ok("list_memories", entity=name))) == {
                "Robert Tanaka leads the project", "Bob lives in Faro", "Robert Tanaka is called Bob",
            }  # fmt: skip
        told = await graph(wire)
        by_name = {entity["name"]: entity for entity in told["entities"]}
        assert by_name.keys() == {"Robert Tanaka", "Faro", "Bobby"}
        assert by_name["Robert Tanaka"]["aliases"] == ["Bob"]
        assert set(by_name["Robert Tanaka"]["memory_ids"]) == {leads, lives, alias}
        assert by_name["Bobby"] == {"name": "Bobby", "memory_ids": [likes]}
        assert [(r["subject"], r["predicate"], r["object"]) for r in told["relations"]] == [
            ("Robert Tanaka", "lives_in", "Faro")
        ]
        await wire.ok("forget", memory_ids=[alias])
        assert texts(await wire.ok("list_memories", entity="Bob")) == ["Bob lives in Faro"]
        assert {entity["name"] for entity in (await graph(wire))["entities"]} == {
            "Robert Tanaka",
            "Bob",
            "Faro",
            "Bobby",
        }


@pytest.mark.promise("isolation")
async def test_another_persons_entities_and_aliases_are_not_there(connect: Connect) -> None:
    async with connect("ana") as wire:
        known_as = relation("Robert Tanaka", "also_known_as", "Bob")
        await wire.ok("add_memory", facts=[{"text": "Robert Tanaka is called Bob", "relations": [known_as]}])
        session = {"scope": "session", "session_id": "one"}
        await wire.ok("add_memory", facts=[{"text": "Bob rang", "entities": ["Bob"]}], **session)
        assert (await wire.ok("list_memories", entity="Robert Tanaka"))["total"] == 1
        assert (await wire.ok("list_memories", entity="Robert Tanaka", session_id="one"))["total"] == 2
    async with connect("ben") as wire:
        await wire.ok("add_memory", facts=[{"text": "Bob has a boat", "entities": ["Bob"]}])
        assert (await wire.ok("list_memories", entity="Robert Tanaka"))["total"] == 0
        assert [entity["name"] for entity in (await graph(wire))["entities"]] == ["Bob"]


async def test_nothing_is_in_an_empty_graph_and_a_wrong_entity_is_named(connect: Connect) -> None:
    async with connect() as wire:
        assert await graph(wire) == {"entities": [], "relations": []}
        assert (await wire.ok("list_memories", entity="' OR true --"))["total"] == 0
        told = await wire.error("search_memories", query="x", entity="x" * 300)
        assert told.startswith("search_memories: entity has 300 characters, the most is 256")
        added = await wire.ok("add_memory", facts=[{"text": "Ana has a cat", "entities": ["Ana"]}])
        assert (await wire.ok("list_memories", entity=None))["total"] == 1
        told = await wire.error("list_memories", history_of=added["results"][0]["id"], entity="Ana")
        assert "leave cursor, as_of and entity out" in told
