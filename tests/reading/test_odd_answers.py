"""Whatever a model or its service answers: nothing breaks, nothing blocks the words after it, nothing leaks."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from loopback import Model, Reply, error, item
from scrubjay import Memory

HEADERS = {"content-type": "application/json"}


def texts(shape: Any) -> list[str]:
    return [one["memory"] for one in shape]


GOOD = item(0, "bees", "Ana keeps bees")


def related(subject: str, predicate: str, **fields: Any) -> dict[str, Any]:
    return {**GOOD, "relations": [{"subject": subject, "predicate": predicate, "object": "bees"}], **fields}


ODD_ITEMS: dict[str, list[Any]] = {
    "an invisible predicate": [related("user", "\u200b")],
    "a predicate of control characters": [related("user", "\x00")],
    "a predicate that is half a character": [related("user", "\ud800")],
    "names padded to any length": [related("user" + 300 * " ", "likes" + 300 * " ", entities=["bees" + 300 * " "])],
    "half a character in the text": [{**GOOD, "text": "Ana \ud800"}, GOOD],
    "a text without an end": [{**GOOD, "text": "x" * 300_000}, GOOD],
    "thousands of items": [GOOD] * 3_000,
    "null for nothing": [{**GOOD, "occurred": None, "targets": None, "relations": None}],
    "odd elements among good ones": [{**GOOD, "targets": ["x", 99, None], "entities": [1, "bees"], "relations": [3]}],
    "the ends of the calendar": [
        {**GOOD, "occurred": "9999 years ago", "valid_from": "0001-01-01", "valid_to": "9999-12-31"}
    ],
    "items of another form among good ones": [{"fact": "x"}, None, 3, GOOD],
}


@pytest.mark.parametrize("name", ODD_ITEMS)
def test_odd_items_spoil_neither_the_fact_nor_what_comes_after(memory: Memory, model: Model, name: str) -> None:
    model.script(model.text(json.dumps({"items": ODD_ITEMS[name]})))
    memory.add("I keep bees", user_id="ana")
    memory.add("I play the harp", user_id="ana")
    assert memory.get_all(user_id="ana", state="pending")["total"] == 0
    assert sorted(texts(memory.get_all(user_id="ana"))) == ["Ana keeps bees", "Noted: I play the harp"]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"])
def test_messages_from_the_ends_of_the_calendar_are_read(memory: Memory, time: str) -> None:
    said = "I saw bees yesterday and will tomorrow, last Friday, next Monday and two weeks ago"
    memory.add([{"content": said, "time": time}], user_id="ana")
    assert texts(memory.get_all(user_id="ana")) == [f"Noted: {said}"]


def body(**fields: Any) -> Callable[[Model], Reply]:
    """Return a reply like a good one with other fields in it, of either API."""

    def made(model: Model) -> Reply:
        shape = json.loads(model.says([]).body or b"")
        return Reply(json.dumps({**shape, **{k: v for k, v in fields.items() if k in shape}}).encode(), 200, HEADERS)

    return made


ODD_BODIES: dict[str, Callable[[Model], Reply]] = {
    "no UTF-8": lambda _: Reply(b'{"content": "\xff\xfe"}', 200, HEADERS),
    "nested too deep": lambda _: Reply(b"[" * 100_000, 200, HEADERS),
    "content null": body(content=None, choices=None),
    "content of null": body(content=[None], choices=[None]),
    "content of texts": body(content=["x"], choices=["x"]),
    "empty objects": body(content=[{}], choices=[{}]),
    "a text that is a number": body(content=[{"type": "text", "text": 5}], choices=[{"message": {"content": 5}}]),
    "a message that is null": body(content=[{"type": "text"}], choices=[{"message": None}]),
    "content that is a text": body(content="x", choices="x"),
    "content that is an object": body(content={"a": 1}, choices={"a": 1}),
    "a stop reason that is a list": body(stop_reason=["a"], content=[], choices=[{"finish_reason": ["a"]}]),
    "stop details that are a text": body(
        stop_reason="refusal", stop_details="x", choices=[{"finish_reason": "content_filter"}]
    ),
    "a limit without a number": lambda _: error(429, "rate_limit_error", retry_after="nan"),
    "items without any fact": lambda model: model.text('{"items": [{"fact": "Ana keeps bees"}]}'),
}


@pytest.mark.parametrize("timeout_s", [2])
@pytest.mark.parametrize("name", ODD_BODIES)
def test_odd_bodies_leave_the_words_pending_for_a_good_one(memory: Memory, model: Model, name: str) -> None:
    model.script(*[ODD_BODIES[name](model)] * 20)
    memory.add("I keep bees", user_id="ana")
    model.recover()
    memory.add("I play the harp", user_id="ana")
    memory.extract()
    assert sorted(texts(memory.get_all(user_id="ana"))) == ["Noted: I keep bees", "Noted: I play the harp"]


@pytest.mark.promise("isolation")
def test_what_a_service_echoes_is_told_to_nobody(
    memory: Memory, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="scrubjay")
    echo = error(400, "invalid_request_error", "cannot parse: I have lupus")
    memory.add("I have lupus", user_id="ana", run_id="one", infer=False)
    model.script(echo, echo, error(500, "api_error", "I have lupus", x_should_retry="false"), Reply(b"I have lupus"))
    for number in range(4):
        added = memory.add(f"I have {number + 2} cats", user_id="ana", run_id="two")
        assert "lupus" not in str(added)
    assert all("lupus" not in record.getMessage() for record in caplog.records)


@pytest.mark.promise("nothing-unread")
def test_one_owners_trouble_keeps_no_other_waiting(memory: Memory, model: Model) -> None:
    model.script(error(401, "authentication_error"), error(401, "authentication_error"))
    memory.add("I keep bees", user_id="ana")
    memory.add("I play the harp", user_id="zoe")
    ana = next(owner for owner in memory.engine.store.owners() if owner.name == "ana")
    with memory.engine.store.extracting(ana, wait_s=1) as is_held:
        assert is_held
        assert [one["event"] for one in memory.add("I have a cat", user_id="zoe")] == ["ADD"]
    assert memory.get_all(user_id="zoe", state="pending")["total"] == 0
    assert memory.get_all(user_id="ana", state="pending")["total"] == 1
    memory.extract()
    assert memory.get_all(user_id="ana", state="pending")["total"] == 0
