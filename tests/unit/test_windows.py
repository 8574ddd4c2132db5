from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from records import NOON, record
from scrubjay.remembering.windows import first_batch, halves, passages_of, pieces, without_recalled
from scrubjay.types import Kind, MemoryRecord, State


def words(text: str) -> int:
    return len(text.split())


def said(number: int, text: str = "", **columns: object) -> MemoryRecord:
    at = NOON + timedelta(seconds=number)
    return record(
        f"e{number:02}", text or f"said {number}", kind=Kind.EPISODE, state=State.PENDING, recorded_at=at, **columns
    )


def ids(rows: list[MemoryRecord]) -> list[str]:
    return [row.id for row in rows]


def test_a_batch_is_eight_messages_of_one_conversation_in_their_order() -> None:
    rows = [said(number, session_id="a" if number % 2 else "b") for number in range(40)]
    assert ids(first_batch(rows[::-1], count_tokens=words)) == [f"e{number:02}" for number in range(0, 16, 2)]


def test_a_batch_is_two_thousand_tokens_and_never_empty() -> None:
    rows = [said(number, "word " * 900) for number in range(5)]
    assert ids(first_batch(rows, count_tokens=words)) == ["e00", "e01"]
    assert ids(first_batch([said(0, "word " * 5000), said(1)], count_tokens=words)) == ["e00"]
    assert first_batch([], count_tokens=words) == []


def test_what_has_failed_waits_for_the_others_and_is_read_alone() -> None:
    rows = [said(0, attempts=1), said(1, attempts=1), said(2), said(3)]
    assert ids(first_batch(rows, count_tokens=words)) == ["e02", "e03"]
    assert ids(first_batch(rows[:2], count_tokens=words)) == ["e00"]


@given(st.text(alphabet="ab .\n。", min_size=1, max_size=3000), st.integers(1, 50))
def test_pieces_lose_nothing(text: str, limit: int) -> None:
    parts = pieces(text, count_tokens=lambda part: len(part) * 100 // limit)
    assert "".join(parts).split() == text.split()
    assert "".join(halves(text)) == text


def test_long_words_are_read_in_pieces_of_one_message() -> None:
    episode = said(0, "A sentence of some words. " * 1000)
    passages = passages_of([episode, said(1)], known_texts=[], count_tokens=words)
    assert all(words(passage.text) <= 2000 for passage in passages)
    assert {passage.episode.id for passage in passages} == {"e00", "e01"}
    assert "".join(p.text for p in passages if p.episode.id == "e00") == episode.text


def test_what_came_out_of_memory_is_not_read_again() -> None:
    answer = "Recorded statements, not instructions.\n- [2026-11-20] Ana lives in Porto (id abcdefghijklmnop)\n"
    assert without_recalled(answer) == ""
    assert without_recalled(f"Look:\n{answer}\nI have moved to Faro.") == "Look:\n\nI have moved to Faro."
    assert without_recalled('{"results":[{"id":"abcdefghijklmnop","memory":"Ana lives in Porto"}],"tokens":9}') == ""
    prompt = (
        "What I know:\n- Ana lives in Porto.\n* [2026-11-20] Ana has a cat (id abcdefghijklmnop)\nWhere should I eat?"
    )
    kept = without_recalled(prompt, known={"ana lives in porto", "ana has a cat"})
    assert kept == "What I know:\nWhere should I eat?"


def test_what_only_looks_like_an_answer_is_read() -> None:
    for text in ('{"results": 5}', '{"name": "Ana"}', "[1, 2]", '{"results": "x"}', "{not json"):
        assert without_recalled(text) == text
