"""The main job through the tools: remember, recall, supersede, correct, forget."""

from typing import Any

import pytest

from wire import Connect

pytestmark = pytest.mark.anyio


def texts(shape: dict[str, Any], key: str = "results") -> list[str]:
    return [item["memory"] for item in shape[key]]


async def test_what_was_said_is_found_again_in_another_connection(connect: Connect) -> None:
    async with connect() as wire:
        added = await wire.ok("add_memory", content="I use a MacBook Pro M3")
        assert [item["event"] for item in added["results"]] == ["ADD"]
        assert "facts" in added["note"]
    async with connect() as wire:
        found = await wire.ok("search_memories", query="what case should I buy?")
        assert texts(found) == ["I use a MacBook Pro M3"]
        assert found["tokens"] > 0
        assert found["left_out"] == 0


@pytest.mark.promise("idempotency")
async def test_adding_the_same_twice_stores_one_and_says_so(connect: Connect) -> None:
    async with connect() as wire:
        first = await wire.ok("add_memory", content="I'm allergic to nuts")
        second = await wire.ok("add_memory", content="i'm allergic to  nuts.")
        assert second["results"][0]["event"] == "NONE"
        assert second["results"][0]["id"] == first["results"][0]["id"]
        assert "known already" in second["note"]
        fact = [{"text": "Ana is allergic to nuts"}]
        events = [(await wire.ok("add_memory", facts=fact))["results"][0]["event"] for _ in range(2)]
        assert events == ["ADD", "NONE"]
        assert (await wire.ok("list_memories"))["total"] == 2


@pytest.mark.promise("no-false-duplicate")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana is allergic to nuts", "Ana is not allergic to nuts"),
        ("The party is on 5 May", "The party is on 6 May"),
        ("Ana likes dark roast", "Ana likes light roast"),
    ],
)
async def test_near_identical_facts_are_two_each_related_to_the_other(connect: Connect, one: str, other: str) -> None:
    async with connect() as wire:
        await wire.ok("add_memory", content=one)
        second = await wire.ok("add_memory", content=other)
        assert second["results"][0]["event"] == "ADD"
        assert texts(second, "related") == [one]
        assert "replaces" in second["note"]
        await wire.ok("forget", everything=True, confirm="forget everything")
        both = await wire.ok("add_memory", facts=[{"text": one}, {"text": other}])
        assert [item["event"] for item in both["results"]] == ["ADD", "ADD"]
        assert sorted(texts(both, "related")) == sorted([one, other])
        assert (await wire.ok("list_memories"))["total"] == 2


@pytest.mark.promise("history")
async def test_a_superseded_fact_is_in_the_history_and_found_as_of_then(connect: Connect) -> None:
    async with connect() as wire:
        said = [{"role": "user", "content": "We style it with React and Tailwind", "time": "2026-11-06T10:00:00Z"}]
        old = await wire.ok(
            "add_memory",
            messages=said,
            facts=[{"text": "The project is styled with React and Tailwind", "evidence": "React and Tailwind"}],
        )
        old_id = old["results"][1]["id"]
        moved = await wire.ok("add_memory", facts=[{"text": "The project has moved to Bootstrap"}])
        assert old_id in [item["id"] for item in moved["related"]]
        new = await wire.ok(
            "add_memory", facts=[{"text": "The project is styled with Bootstrap", "replaces": [old_id]}]
        )
        outcome = new["results"][0]
        assert (outcome["event"], outcome["id"]) == ("UPDATE", old_id)
        assert outcome["previous"] == "The project is styled with React and Tailwind"
        now = await wire.ok("search_memories", query="which styling framework does the project use?", category="other")
        assert texts(now)[0] == "The project is styled with Bootstrap"
        assert outcome["previous"] not in texts(now)
        then = await wire.ok("search_memories", query="which styling framework?", as_of="2026-11-13", category="other")
        assert texts(then) == ["The project is styled with React and Tailwind"]
        history = await wire.ok("list_memories", history_of=old_id)
        assert [item["version"] for item in history["memories"]] == [2, 1]
        assert "valid_to" in history["memories"][1]


async def test_a_correction_keeps_the_old_wording_in_the_history_only(connect: Connect) -> None:
    async with connect() as wire:
        added = await wire.ok("add_memory", facts=[{"text": "Her name is Ana", "valid_from": "2026-01-01"}])
        memory_id = added["results"][0]["id"]
        for _ in range(2):  # idempotent
            updated = await wire.ok("update_memory", memory_id=memory_id, content="Her name is Anna")
            assert (updated["memory"], updated["version"]) == ("Her name is Anna", 2)
        as_of = await wire.ok("list_memories", as_of="2026-06-01")
        assert texts(as_of, "memories") == ["Her name is Anna"]
        history = await wire.ok("list_memories", history_of=memory_id)
        assert texts(history, "memories") == ["Her name is Anna", "Her name is Ana"]


@pytest.mark.promise("erasure")
async def test_forget_shows_candidates_first_and_then_forgets_for_good(connect: Connect) -> None:
    async with connect() as wire:
        await wire.ok(
            "add_memory",
            content="My locker code is written in the blue book",
            facts=[{"text": "Ana's locker code is in the blue book", "evidence": "written in the blue book"}],
        )
        shown = await wire.ok("forget", query="locker code")
        assert shown["forgotten"] == []
        assert len(shown["candidates"]) == 2
        named = [item["id"] for item in shown["candidates"] if "Ana's" in item["memory"]]
        done = await wire.ok("forget", memory_ids=[*named, "unknown", "a" * 16])
        assert done["forgotten"] == named
        assert done["receipt"]["erased"] == 2
        assert (await wire.ok("search_memories", query="locker code"))["results"] == []
        assert (await wire.ok("forget", memory_ids=named))["forgotten"] == []
        assert "no memory has the id" in await wire.error("list_memories", history_of=named[0])


async def test_forget_shows_what_is_no_longer_true_as_well(connect: Connect) -> None:
    async with connect() as wire:
        old = await wire.ok(
            "add_memory",
            content="I moved to Porto and earn 5000",
            facts=[{"text": "Ana earns 5000", "evidence": "earn 5000", "category": "identity"}],
        )
        fact_id = old["results"][1]["id"]
        new = await wire.ok("add_memory", facts=[{"text": "Ana earns more now", "replaces": [fact_id]}])
        assert new["results"][0]["id"] == fact_id
        candidates = (await wire.ok("forget", query="earn 5000"))["candidates"]
        assert {"Ana earns 5000", "I moved to Porto and earn 5000"} <= {c["memory"] for c in candidates}
        assert len({c["id"] for c in candidates}) == len(candidates)
        assert texts(await wire.ok("search_memories", query="earns", category="identity")) == ["Ana earns more now"]


async def test_messages_keep_their_speakers_times_and_metadata(connect: Connect) -> None:
    async with connect() as wire:
        await wire.ok(
            "add_memory",
            metadata={"source": "chat", "n": 1},
            messages=[
                {"role": "user", "name": "Ana", "content": "Did you book Porto?", "time": "2026-05-08T13:00:00+02:00"},
                {"role": "assistant", "content": "Yes", "metadata": {"n": 2}},
            ],
        )
        listed = (await wire.ok("list_memories"))["memories"]
        assert [(m["role"], m.get("name", ""), m["metadata"]) for m in listed] == [
            ("assistant", "", {"source": "chat", "n": 2}),
            ("user", "Ana", {"source": "chat", "n": 1}),
        ]
        assert listed[1]["occurred_at"] == "2026-05-08T11:00:00Z"
        by_metadata = await wire.ok("search_memories", query="Porto", metadata={"n": 2})
        assert texts(by_metadata) == ["Yes"]
        day = await wire.ok("search_memories", query="Porto", since="2026-05-08", until="2026-05-08")
        assert texts(day) == ["Did you book Porto?"]
        assert "[2026-05-08] Ana: Did you book Porto?" in await wire.text("search_memories", query="Porto")


async def test_empty_fields_are_left_out_of_replies(connect: Connect) -> None:
    async with connect() as wire:
        await wire.ok("add_memory", facts=[{"text": "Ana has a cat"}])
        hit = (await wire.ok("search_memories", query="cat"))["results"][0]
        assert "" not in hit.values()
        assert {"valid_to", "entities", "evidence", "metadata", "truncated"}.isdisjoint(hit)
        assert hit["category"] == "other"


async def test_paging_sees_each_memory_once_within_the_budget(connect: Connect) -> None:
    async with connect() as wire:
        await wire.ok("add_memory", facts=[{"text": f"Fact number {n}"} for n in range(30)])
        await wire.ok("add_memory", facts=[{"text": "A lesson"}], scope="agent")
        seen: list[str] = []
        cursor = ""
        while True:
            page = await wire.ok("list_memories", limit=7, max_tokens=400, cursor=cursor)
            assert page["total"] == 31
            seen += texts(page, "memories")
            cursor = page.get("next_cursor", "")
            if not cursor:
                break
        assert seen == ["A lesson", *(f"Fact number {n}" for n in reversed(range(30)))]


async def test_a_low_score_tells_that_nothing_fits(connect: Connect) -> None:
    async with connect() as wire:
        await wire.ok("add_memory", facts=[{"text": "Ana keeps her bicycle in the cellar"}])
        fitting = (await wire.ok("search_memories", query="Where is Ana's bicycle?"))["results"][0]["score"]
        hopeless = (await wire.ok("search_memories", query="favourite opera singer"))["results"][0]["score"]
        assert fitting > 0.5 > 0.2 > hopeless
        assert (await wire.ok("search_memories", query="favourite opera singer", min_score=0.3))["results"] == []


async def test_a_thousand_messages_go_in_one_call_and_no_more(connect: Connect) -> None:
    async with connect() as wire:
        added = await wire.ok("add_memory", messages=[{"content": f"Line {n}"} for n in range(1000)])
        assert len(added["results"]) == 1000
        assert (await wire.ok("list_memories", limit=1))["total"] == 1000
        told = await wire.error("add_memory", messages=[{"content": f"Line {n}"} for n in range(1001)])
        assert told == "add_memory: messages must have at most 1000 items, not 1001"


@pytest.mark.promise("all-or-nothing")
async def test_an_add_with_one_wrong_item_has_stored_nothing(connect: Connect) -> None:
    async with connect() as wire:
        wrong: list[dict[str, Any]] = [
            {"messages": [{"content": "good"}, {"content": " "}]},
            {"content": "good", "facts": [{"text": "good", "evidence": "bad"}]},
            {"content": "good", "facts": [{"text": "good", "evidence": "good", "replaces": ["a" * 16]}]},
            {"facts": [{"text": "good"}, {"text": "good too", "valid_from": "soon"}]},
            {"content": "good", "scope": "session"},
            {"facts": [{"text": "good"}], "metadata": {"big": "x" * 20_000}},
        ]
        for arguments in wrong:
            await wire.error("add_memory", **arguments)
        assert (await wire.ok("list_memories", include_superseded=True))["total"] == 0


async def test_resources_tell_the_profile_a_memory_and_the_graph(connect: Connect) -> None:
    async with connect() as wire:
        relation = {"subject": "Ana", "predicate": "works_at", "object": "Acme"}
        added = await wire.ok(
            "add_memory",
            facts=[{"text": "Ana works at Acme", "category": "identity", "entities": ["Ana"], "relations": [relation]}],
        )
        memory_id = added["results"][0]["id"]
        profile = (await wire.client.read_resource("memory://profile")).contents[0]
        assert "## Identity\n\n- Ana works at Acme" in profile.text  # type: ignore[union-attr]
        graph = (await wire.client.read_resource("memory://graph")).contents[0]
        assert '"predicate": "works_at"' in graph.text  # type: ignore[union-attr]
        one = (await wire.client.read_resource(f"memory://memories/{memory_id}")).contents[0]
        assert '"memory": "Ana works at Acme"' in one.text  # type: ignore[union-attr]
        prompt = await wire.client.get_prompt("what_do_you_know_about_me")
        assert "Ana works at Acme" in prompt.messages[0].content.text  # type: ignore[union-attr]
        recalled = await wire.client.get_prompt("recall", {"topic": "work"})
        assert "search_memories about: work" in recalled.messages[0].content.text  # type: ignore[union-attr]
