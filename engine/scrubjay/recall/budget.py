"""Hits in rank order, as many as a token budget allows."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from scrubjay.recall.query import content_words
from scrubjay.recall.reply import compact, told_hit
from scrubjay.types import Hit

_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*")
_LEAST_EXCERPT_TOKENS = 12
_MOST_SENTENCES = 100
_CHARS_PER_TOKEN = 6  # generous: the first guess is cut down until it fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The hits that fit, what they cost, and how many were left out."""

    hits: tuple[Hit, ...]
    tokens: int
    left_out: int


def fit(hits: Sequence[Hit], *, max_tokens: int, count_tokens: Callable[[str], int], query: str) -> Fitted:
    """Keep hits in rank order while their JSON fits `max_tokens`.

    A hit that would not fit an empty budget comes as its best excerpt; one that does not fit what remains is left
    out, and smaller ones after it may still come.
    """
    frame = count_tokens(compact({"results": [], "tokens": max_tokens, "left_out": len(hits)}))
    kept: list[Hit] = []
    spent = frame

    def cost(hit: Hit) -> int:
        return count_tokens(compact(told_hit(hit))) + 1  # and the comma

    for hit in hits:
        whole = cost(hit)
        fitting = hit
        if whole > max_tokens - frame:
            fitting = shortened(hit, room=max_tokens - spent, cost=cost, query=query) or hit
        price = whole if fitting is hit else cost(fitting)
        if spent + price <= max_tokens:
            kept.append(fitting)
            spent += price
    return Fitted(hits=tuple(kept), tokens=spent, left_out=len(hits) - len(kept))


def shortened(hit: Hit, *, room: int, cost: Callable[[Hit], int], query: str) -> Hit | None:
    """Return the hit with the longest best excerpt that costs at most `room`; None when no useful one does."""
    spare = room - cost(replace(hit, excerpt="…"))
    if spare < _LEAST_EXCERPT_TOKENS:
        return None
    chars = spare * _CHARS_PER_TOKEN
    while chars >= _LEAST_EXCERPT_TOKENS:
        candidate = replace(hit, excerpt=best_excerpt(hit.record.text, query, longest=chars))
        if cost(candidate) <= room:
            return candidate
        chars = chars * 3 // 4
    return None


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
