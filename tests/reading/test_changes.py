"""What changes while a model reads, and after it has read."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from loopback import Asked, Model, error, item
from scrubjay import Memory
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.types import Filter, Owner, Scope

ANA = Owner(tenant="local", scope=Scope.USER, name="ana")


def texts(shape: Any) -> list[str]:
    return [one["memory"] for one in shape]


def rows(memory: Memory) -> str:
    return repr(memory.engine.store.find(ANA, Filter()))


@contextmanager
def while_reading(memory: Memory, model: Model, said: str) -> Iterator[None]:
    """Have something happen between the question to the model and its answer."""
    go_on = model.hold()
    adding = threading.Thread(target=memory.add, args=(said,), kwargs={"user_id": "ana"})
    adding.start()
    while model.asked.acquire(blocking=False):  # calls before this one
        pass
    assert model.asked.acquire(timeout=20)
    yield
    go_on()
    adding.join(timeout=30)


def about_pets(asked: Asked) -> list[dict[str, Any]]:
    """Read of a dog, and refine or replace what is known of it."""
    found = []
    for said in asked.messages:
        for words, text, relation in (
            ("have a dog", "Ana has a dog", "new"),
            ("dog Rex has cancer", "Ana has a dog called Rex, who has cancer", "refines"),
            ("no dog but a zebra", "Ana has a zebra", "supersedes"),
            ("five years old", f"{asked.known[0]['text'] if asked.known else 'It'}, five years old", "refines"),
        ):
            if words in said["content"]:
                targets = [known["n"] for known in asked.known][:1] if relation != "new" else []
                found.append(item(said["n"], words, text, relation=relation, targets=targets))
    return found


@pytest.mark.promise("erasure")
def test_a_version_that_is_forgotten_while_the_model_reads_does_not_come_back(memory: Memory, model: Model) -> None:
    model.reads = about_pets
    memory.add("I have a dog", user_id="ana")
    memory.add("I have no dog but a zebra", user_id="ana")
    words = next(one for one in memory.engine.store.find(ANA, Filter()) if one.text == "I have no dog but a zebra")
    with while_reading(memory, model, "My pet is five years old"):
        memory.delete(words.id)
        assert "zebra" not in rows(memory)
    assert "zebra" not in rows(memory)
    assert memory.get_all(user_id="ana", state="pending")["total"] == 0


@pytest.mark.promise("erasure")
def test_what_was_said_better_is_forgotten_with_its_words_and_the_old_wording_holds_again(
    memory: Memory, model: Model
) -> None:
    model.reads = about_pets
    memory.add("I have a dog", user_id="ana")
    added = memory.add("My dog Rex has cancer", user_id="ana")
    assert (added[0]["event"], added[0]["previous"]) == ("UPDATE", "Ana has a dog")
    assert "I have a dog" in texts(memory.search("dog", user_id="ana"))  # its words are as true as before
    words = next(one for one in memory.engine.store.find(ANA, Filter()) if one.text == "My dog Rex has cancer")
    memory.delete(words.id)
    assert "cancer" not in rows(memory)
    assert texts(memory.get_all(user_id="ana")) == ["Ana has a dog"]
    assert memory.delete(added[0]["id"])["erased"] == 2
    assert rows(memory) == "[]"


def test_a_fact_that_is_corrected_while_the_model_reads_is_shown_to_it_again(memory: Memory, model: Model) -> None:
    model.reads = about_pets
    fact_id = memory.add("I have a dog", user_id="ana")[0]["id"]
    with while_reading(memory, model, "My pet is five years old"):
        memory.update(fact_id, "Ana has a cat")
    listed = texts(memory.get_all(user_id="ana"))
    assert listed == ["Ana has a cat, five years old", "Ana has a cat"]  # said before the correction, it changes it not


def test_words_that_are_corrected_after_they_were_read_are_read_again(memory: Memory, model: Model) -> None:
    memory.add("I keep beez", user_id="ana")
    words = next(one for one in memory.engine.store.find(ANA, Filter()) if one.text == "I keep beez")
    model.reads = lambda asked: [
        item(0, asked.messages[0]["content"], "Noted: I keep bees", relation="supersedes", targets=[0])
    ]
    memory.update(words.id, "I keep bees")
    memory.extract()  # if it is not read already, in the background
    assert texts(memory.get_all(user_id="ana")) == ["Noted: I keep bees"]
    assert memory.get_all(user_id="ana", state="pending")["total"] == 0


@pytest.mark.promise("nothing-unread")
def test_who_waits_for_another_reader_reads_when_that_one_has_gone(memory: Memory, model: Model) -> None:
    results: list[Any] = []
    adding = threading.Thread(target=lambda: results.append(memory.add("I keep bees", user_id="ana")))
    with memory.engine.store.extracting(ANA, wait_s=1) as is_held:
        assert is_held
        adding.start()
        give_up_at = time.monotonic() + 60
        while not memory.get_all(user_id="ana", state="pending")["total"]:
            assert time.monotonic() < give_up_at
    adding.join(timeout=60)  # nobody has read, and nobody else will
    assert texts(results[0]) == ["Noted: I keep bees"]


def test_words_that_somebody_has_drawn_facts_from_wait_for_no_model(memory: Memory, model: Model) -> None:
    model.script(error(401, "authentication_error"))
    memory.add("I keep bees", user_id="ana")
    memory.add("I keep bees", facts=[{"text": "Ana keeps bees", "evidence": "keep bees"}], user_id="ana")
    assert memory.extract() == {"read": 0, "facts": 0, "pending": 0}
    assert texts(memory.get_all(user_id="ana")) == ["Ana keeps bees"]


def test_a_long_message_is_read_in_windows_and_weighs_on_no_other(memory: Memory, model: Model) -> None:
    said = " ".join(f"Room {number} has {number + 3} chairs." for number in range(3000))
    model.reads = lambda asked: []
    memory.add(said, user_id="ana", run_id="chat", scope="user")
    assert len(model.requests) >= 10
    assert "".join(one["content"] for asked in model.requests for one in asked.messages) == said
    assert all(len(asked.turn) < 20_000 for asked in model.requests)
    assert memory.get_all(user_id="ana", state="pending")["total"] == 0
    memory.add("I am vegan", user_id="ana", run_id="chat", scope="user")
    assert [len(one["content"]) for one in model.requests[-1].block("context")] == [500]


@pytest.mark.promise("erasure")
def test_a_deletion_that_was_killed_is_finished_when_it_is_asked_for_again(memory: Memory, tmp_path: Path) -> None:
    memory_id = memory.add("I was born in Zanzibar", user_id="ana", infer=False)[0]["id"]
    tables = tmp_path / "data" / "memories"
    table = next(tables.glob("*.lance"))
    table.rename(table.with_suffix(".discarded-1"))  # where a process was killed that erased the last memory
    assert memory.delete(memory_id)["forgotten"] == []
    assert list(tables.iterdir()) == []


def test_it_works_where_an_event_loop_runs(memory: Memory) -> None:
    async def in_a_notebook() -> None:
        assert texts(memory.add("I keep bees", user_id="ana")) == ["Noted: I keep bees"]
        assert memory.extract() == {"read": 0, "facts": 0, "pending": 0}

    anyio.run(in_a_notebook)


@pytest.mark.promise("concurrency")
def test_erasing_everything_gets_on_with_stores_that_are_opened_meanwhile(tmp_path: Path, memory: Memory) -> None:
    stop, problems = threading.Event(), []

    def open_stores() -> None:
        while not stop.is_set():
            try:
                LanceDBStore(tmp_path / "data", embedding="none", dimension=4)
            except Exception as problem:  # noqa: BLE001 - whatever it is, it is to be seen
                problems.append(problem)

    openers = [threading.Thread(target=open_stores) for _ in range(2)]
    for opener in openers:
        opener.start()
    for number in range(15):
        memory.add(f"Number {number}", user_id="ana", infer=False)
        memory.delete_all(user_id="ana")
    stop.set()
    for opener in openers:
        opener.join()
    assert problems == []
    assert not list((tmp_path / "data" / "memories").iterdir())
