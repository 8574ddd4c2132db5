"""Hits in rank order, as many as a token budget allows."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scrubjay.recall.query import content_words
from scrubjay.recall.reply import compact, told
from scrubjay.types import Shown

_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*")
_LEAST_EXCERPT_CHARS = 8
_CURSORS_DIFFER_BY = 12
_MOST_SENTENCES = 100
_CHARS_PER_TOKEN = 6  # generous: the first guess is cut down until it fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The hits that fit, what their reply costs, and how many were left out."""

    shown: tuple[Shown, ...]
    tokens: int
    left_out: int


def fit(hits: Sequence[Shown], *, max_tokens: int, count_tokens: Callable[[str], int], query: str) -> Fitted:
    """Keep hits in rank order while their JSON fits `max_tokens`.

    A hit that would not fit an empty budget comes truncated; one that does not fit what remains is left out, and
    smaller ones after it may still come.
    """
    frame = count_tokens(compact({"results": [], "tokens": max_tokens, "left_out": len(hits)}))
    kept: list[Shown] = []
    spent = frame
    for hit in hits:
        fitting: Shown | None = hit
        if _cost(hit, count_tokens) > max_tokens - frame:
            fitting = truncated(hit, room=max_tokens - spent, count_tokens=count_tokens, query=query)
        price = _cost(fitting, count_tokens) if fitting else 0
        if fitting and spent + price <= max_tokens:
            kept.append(fitting)
            spent += price
    return Fitted(shown=tuple(kept), tokens=spent, left_out=len(hits) - len(kept))


def first_page(
    rows: Sequence[Shown], *, frame: Mapping[str, Any], max_tokens: int, count_tokens: Callable[[str], int]
) -> list[Shown]:
    """Return the first rows whose JSON fits `max_tokens` within the reply's frame, at least one: paging always gets on.

    A first row that alone exceeds the budget comes truncated, as far as its least form allows.
    """
    kept: list[Shown] = []
    spent = count_tokens(compact(frame)) + _CURSORS_DIFFER_BY
    for row in rows:
        price = _cost(row, count_tokens)
        if spent + price > max_tokens:
            if not kept:
                room = max_tokens - spent
                kept.append(truncated(row, room=room, count_tokens=count_tokens, query="") or _least(row))
            break
        kept.append(row)
        spent += price
    return kept


def truncated(row: Shown, *, room: int, count_tokens: Callable[[str], int], query: str) -> Shown | None:
    """Return the row with its main fields and the longest best excerpt that cost at most `room`; None if none does."""
    least = _least(row)
    text = row.record.text
    spare = room - _cost(least, count_tokens)
    if spare < 0:
        return None
    chars = min(len(text), spare * _CHARS_PER_TOKEN)
    while chars >= _LEAST_EXCERPT_CHARS:
        excerpt = text if chars == len(text) else best_excerpt(text, query, longest=chars)
        candidate = replace(least, record=replace(least.record, text=excerpt))
        if _cost(candidate, count_tokens) <= room:
            return candidate
        chars = chars * 3 // 4
    return None


def _least(row: Shown) -> Shown:
    """Return the row without what can be long, and with the very beginning of its text."""
    main = replace(row.record, text="…", evidence=(), metadata={}, entities=(), relations=())
    return replace(row, record=main, truncated=True)


def _cost(row: Shown, count_tokens: Callable[[str], int]) -> int:
    return count_tokens(compact(told(row))) + 1  # and the comma


def best_excerpt(text: str, query: str, *, longest: int) -> str:
    """Return at most about `longest` characters of the text, from where most of the query's words stand."""
    wanted = set(content_words(query))
    sentences = [(found.start(), wanted & set(content_words(found.group()))) for found in _SENTENCE.finditer(text)]
    start, best = 0, 0
    for number, (begin, found) in enumerate(sentences):
        covered = set(found)
        for at, words in sentences[number + 1 : number + _MOST_SENTENCES] if found else ():
            if at >= begin + longest:
                break
            covered |= words
        if len(covered) > best:
            start, best = begin, len(covered)
    passage = text[start : start + longest].strip()
    before, after = "… " if start else "", " …" if start + longest < len(text) else ""
    return f"{before}{passage}{after}"
