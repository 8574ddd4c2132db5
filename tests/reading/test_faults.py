"""Whatever the model's service does, what was said is kept and found, and in the end each fact is there exactly once.

One row of the table below is one kind of fault, through the real SDKs, at the first call and in the middle of a long
input. (Processes that are killed are in tests/e2e/test_extraction.py.)
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from loopback import BROKEN, CUT_OFF, DRIPPING, EMPTY, NOTHING, Answer, Model, Reply, error, page
from reading.conftest import SDKS
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.journeys.extracting import MOST_ATTEMPTS, extract_everything

SAID = [
    f"Fact number {number}: the {thing} is kept in room {number + 100}"
    for number, thing in enumerate(
        "atlas banjo camera drum easel flute globe harp icon jigsaw kite lamp mirror net organ piano quilt rug".split()
    )
]
TRIES = 5


@dataclass(frozen=True)
class Fault:
    """`replies`: what comes instead of an answer. `heals`: the same add gets its answer in the end.

    `stops`: after it nothing is asked for a while; else only the window that it hits has to wait.
    """

    replies: Callable[[Model], list[Reply]]
    heals: bool = False
    stops: bool = True


FAULTS = {
    "overloaded": Fault(lambda _: [error(529, "overloaded_error", retry_after="0")] * TRIES),
    "overloaded for a moment": Fault(lambda _: [error(529, "overloaded_error", retry_after="0")] * 2, heals=True),
    "rate limit that asks to wait for an hour": Fault(lambda _: [error(429, "rate_limit_error", retry_after="3600")]),
    "rate limit for a moment": Fault(lambda _: [error(429, "rate_limit_error", retry_after="0")], heals=True),
    "an internal error as a page": Fault(lambda _: [page(500)] * TRIES),
    "told not to retry": Fault(lambda _: [error(503, "api_error", x_should_retry="false")]),
    "a proxy's page with status 200": Fault(lambda _: [page()] * TRIES),
    "a body that is no JSON": Fault(lambda _: [BROKEN] * TRIES),
    "an object without fields": Fault(lambda _: [EMPTY] * TRIES),
    "a body cut off by a lost connection": Fault(lambda _: [CUT_OFF] * TRIES),
    "a wrong key": Fault(lambda _: [error(401, "authentication_error")]),
    "no credit": Fault(lambda _: [error(402, "billing_error")]),
    "an unknown model": Fault(lambda _: [error(404, "not_found_error")]),
    "no answer ever": Fault(lambda _: [NOTHING], stops=False),
    "an answer byte by byte for ever": Fault(lambda _: [DRIPPING], stops=False),
    "no answer ever, again and again": Fault(lambda _: [NOTHING] * TRIES),
    "a request refused as invalid": Fault(lambda _: [error(400, "invalid_request_error")], heals=True),
    "too large": Fault(lambda _: [error(413, "request_too_large")], heals=True),
    "declined with a text": Fault(lambda model: [model.refusal("I cannot help with that")], heals=True),
    "declined without a word": Fault(lambda model: [model.refusal()], heals=True),
    "an answer that is no JSON": Fault(lambda model: [model.text("Sure! Here are the facts:")], heals=True),
    "JSON of another form": Fault(lambda model: [model.text('{"facts": 1}')], heals=True),
    "an answer without text": Fault(lambda model: [model.text("")], heals=True),
    "an answer cut off once": Fault(lambda model: [model.truncated()], heals=True),
    "an answer cut off twice": Fault(lambda model: [model.truncated()] * 2, heals=True),
}


def facts(memory: Memory) -> Counter[str]:
    listed = memory.get_all(user_id="ana", limit=1000)
    return Counter(one["memory"] for one in listed if one["kind"] == "fact")


def after(calls: int, replies: list[Reply], model: Model) -> None:
    """Let the model answer so many calls, and then go wrong."""
    reading: list[Answer] = [lambda asked: model.says(model.reads(asked))] * calls
    model.script(*reading, *replies)


@pytest.mark.promise("nothing-unread")
@pytest.mark.parametrize(
    ("sdk", "calls_before"),
    [("anthropic", 0), ("anthropic", 1), ("openai", 1)],
    ids=["anthropic at the first call", "anthropic in the middle", "openai in the middle"],
)
@pytest.mark.parametrize(
    ("name", "timeout_s"), [(name, 30 if fault.heals else 2) for name, fault in FAULTS.items()], ids=list(FAULTS)
)
def test_nothing_is_lost_and_nothing_is_read_twice(memory: Memory, model: Model, name: str, calls_before: int) -> None:
    fault = FAULTS[name]
    after(calls_before, fault.replies(model), model)
    messages = [{"role": "user", "name": "Ana", "content": text} for text in SAID]
    added = memory.add(messages, user_id="ana")
    events = Counter(result["event"] for result in added)
    expected = Counter(f"Noted: {text}" for text in SAID)

    if fault.heals:
        assert events == {"ADD": len(SAID)}
    else:
        unread = len(SAID) - 8 * calls_before if fault.stops else 8
        assert events == Counter({"PENDING": unread, "ADD": len(SAID) - unread})
        assert "kept and can be found, and will be read for facts later (" in added["note"]
        for text in SAID[::6]:
            assert text in {hit["memory"].removeprefix("Noted: ") for hit in memory.search(text, user_id="ana")}

    model.recover()
    memory.extract()
    assert facts(memory) == expected
    assert memory.get_all(user_id="ana", state="pending")["total"] == 0
    asked = len(model.requests)
    memory.extract()
    memory.add(messages, user_id="ana")
    assert len(model.requests) == asked  # what was read costs nothing any more
    assert facts(memory) == expected


def test_a_later_add_reads_what_an_earlier_one_could_not(memory: Memory, model: Model) -> None:
    model.script(error(401, "authentication_error"))
    assert memory.add("I keep bees", user_id="ana")[0]["event"] == "PENDING"
    later = memory.add("I play the harp", user_id="ana")
    assert [(result["memory"], result["event"]) for result in later] == [("Noted: I play the harp", "ADD")]
    assert facts(memory) == Counter(["Noted: I keep bees", "Noted: I play the harp"])


def test_one_poisoned_message_spoils_no_other(memory: Memory, model: Model) -> None:
    def reads(asked: object) -> Reply:
        poisoned = any("poison" in said["content"] for said in asked.messages)  # type: ignore[attr-defined]
        return model.refusal("no") if poisoned else model.says(model.reads(asked))  # type: ignore[arg-type]

    model.script(*[reads] * 100)
    memory.add([{"content": text} for text in ("I keep bees", "This is poison", "I play the harp")], user_id="ana")
    assert facts(memory) == Counter(["Noted: I keep bees", "Noted: I play the harp"])
    pending = memory.get_all(user_id="ana", state="pending")
    assert [one["memory"] for one in pending] == ["This is poison"]
    for _ in range(MOST_ATTEMPTS + 5):  # as the server's worker does
        assert extract_everything(memory.engine).pending == 1
    asked_about_it = sum("poison" in str(asked.messages) for asked in model.requests)
    assert asked_about_it == MOST_ATTEMPTS
    again = memory.add("This is poison", user_id="ana")
    assert again[0]["event"] == "PENDING"
    assert "`scrubjay extract --pending` tries them once more" in again["note"]
    assert memory.extract()["pending"] == 1
    assert sum("poison" in str(asked.messages) for asked in model.requests) == asked_about_it + 1


@pytest.mark.parametrize("timeout_s", [1])
def test_the_deadline_hangs_up_on_who_never_answers(memory: Memory, model: Model) -> None:
    model.script(NOTHING)
    added = memory.add("I keep bees", user_id="ana")
    assert added[0]["event"] == "PENDING"
    assert "did not answer within 1 s" in added["note"]
    assert model.hung_up.wait(20)


def test_closing_does_not_wait_for_the_model(
    tmp_path: Path, embedder: FastembedEmbedder, sdk: str, model: Model
) -> None:
    model.script(NOTHING)
    with Memory(
        tmp_path, embedder=embedder, extractor=SDKS[sdk][1](model.url), extract_timeout_s=600, add_wait_s=0.01
    ) as memory:
        added = memory.add("I keep bees", user_id="ana")
        assert [result["event"] for result in added] == ["PENDING"]
        assert model.asked.acquire(timeout=20)
    assert model.hung_up.wait(20)
