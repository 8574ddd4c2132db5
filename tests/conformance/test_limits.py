"""How much of everything: at the limit it works, and one more is refused by the name of its field."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engines import ByLength
from scrubjay import InvalidInput, Memory
from scrubjay.types import (
    MAX_BATCH,
    MAX_LIMIT,
    MAX_METADATA_CHARS,
    MAX_METADATA_DEPTH,
    MAX_NAME_CHARS,
    MAX_PER_FACT,
    MAX_QUERY_CHARS,
    MAX_TEXT_CHARS,
)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "data", embedder=ByLength(), extractor="none", maintenance=False) as opened:
        yield opened


def fact(memory: Memory, **fields: Any) -> Any:
    return memory.add(facts=[{"text": "Ana likes tea", **fields}], user_id="ana")


def words(length: int) -> str:
    return ("tea " * (length // 4 + 1))[: length - 1] + "s"


def nested(depth: int) -> Mapping[str, Any]:
    value: dict[str, Any] = {"at the bottom": 1}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def edge(name: str) -> dict[str, str]:
    return {"subject": name, "predicate": "knows", "object": "Ben"}


def metadata(length: int) -> dict[str, str]:
    return {"a": "b" * (length - len('{"a": ""}'))}


LIMITS: list[tuple[str, int, Callable[[Memory, int], object]]] = [
    ("messages[0].content", MAX_TEXT_CHARS, lambda m, n: m.add([{"content": words(n)}], user_id="ana")),
    ("messages[0].content", MAX_TEXT_CHARS, lambda m, n: m.add(words(n), user_id="ana")),
    ("facts[0].text", MAX_TEXT_CHARS, lambda m, n: fact(m, text=words(n))),
    ("facts[0].evidence", MAX_TEXT_CHARS, lambda m, n: fact(m, evidence=words(n))),
    ("facts[0].entities", MAX_NAME_CHARS, lambda m, n: fact(m, entities=["e" * n])),
    ("facts[0].relations", MAX_NAME_CHARS, lambda m, n: fact(m, relations=[edge("e" * n)])),
    ("facts[0].entities", MAX_PER_FACT, lambda m, n: fact(m, entities=[f"e{i}" for i in range(n)])),
    ("facts[0].relations", MAX_PER_FACT, lambda m, n: fact(m, relations=[edge(f"e{i}") for i in range(n)])),
    ("facts[0].metadata", MAX_METADATA_CHARS, lambda m, n: fact(m, metadata=metadata(n))),
    ("facts[0].metadata", MAX_METADATA_DEPTH, lambda m, n: fact(m, metadata=nested(n))),
    ("metadata", MAX_METADATA_DEPTH, lambda m, n: m.search("tea", user_id="ana", metadata=nested(n))),
    ("metadata", MAX_METADATA_CHARS, lambda m, n: m.search("tea", user_id="ana", metadata=metadata(n))),
    ("messages", MAX_BATCH, lambda m, n: m.add([{"content": f"tea {i}"} for i in range(n)], user_id="ana")),
    ("facts", MAX_BATCH, lambda m, n: m.add(facts=[{"text": f"tea {i}"} for i in range(n)], user_id="ana")),
    ("messages[0].name", MAX_NAME_CHARS, lambda m, n: m.add([{"content": "tea", "name": "n" * n}], user_id="ana")),
    ("user_id", MAX_NAME_CHARS, lambda m, n: m.add("I like tea", user_id="u" * n)),
    ("session_id", MAX_NAME_CHARS, lambda m, n: m.add("I like tea", run_id="u" * n)),
    ("query", MAX_QUERY_CHARS, lambda m, n: m.search(words(n), user_id="ana")),
    ("entity", MAX_NAME_CHARS, lambda m, n: m.search("tea", user_id="ana", entity="e" * n)),
    ("limit", MAX_LIMIT, lambda m, n: m.search("tea", user_id="ana", limit=n)),
]


@pytest.mark.parametrize(("field", "most", "use"), LIMITS)
def test_the_most_works_and_one_more_is_refused_by_name(
    memory: Memory, field: str, most: int, use: Callable[[Memory, int], object]
) -> None:
    memory.add("I like coffee", user_id="ana")
    use(memory, most)
    stored = memory.get_all(user_id="ana")["total"]
    with pytest.raises(InvalidInput) as refused:
        use(memory, most + 1)
    assert refused.value.field == field
    assert f"{most:,}" in str(refused.value) or str(most) in str(refused.value)
    assert memory.get_all(user_id="ana")["total"] == stored


@pytest.mark.promise("all-or-nothing")
def test_as_many_memories_can_be_replaced_at_once_as_be_named(memory: Memory) -> None:
    facts = [{"text": f"Ana has read book {n}"} for n in range(MAX_PER_FACT)]
    known = [added["id"] for added in memory.add(facts=facts, user_id="ana")]
    with pytest.raises(InvalidInput, match="replaces has 1,001 items"):
        fact(memory, replaces=[*known, known[0]])
    assert memory.get_all(user_id="ana")["total"] == MAX_PER_FACT
    fact(memory, text="Ana has read every book", replaces=known)
    assert memory.get_all(user_id="ana")["total"] == 1


@pytest.mark.parametrize("memory_id", ["", "x" * 1_000_000, "' OR true --", "\0" * 16, "é" * 16, "a" * 16])
def test_an_id_of_any_length_is_nothing_to_forget(memory: Memory, memory_id: str) -> None:
    memory.add("I like tea", user_id="ana")
    assert memory.delete(memory_id)["forgotten"] == []
    assert memory.get_all(user_id="ana")["total"] == 1


@pytest.mark.parametrize("when", ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_day_that_there_are_can_be_stored(memory: Memory, when: str) -> None:
    fact(memory, occurred_at=when, valid_from="0001-01-01", expires_at="9999-12-31")
    assert memory.get_all(user_id="ana")[0]["occurred_at"].startswith(when[:10])
    assert memory.search("tea", user_id="ana", since=when)["results"] != []
