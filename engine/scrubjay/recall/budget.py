"""Hits in rank order, as many as a token budget allows: first what they say, then the words that prove it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scrubjay.recall.prices import Prices
from scrubjay.recall.query import content_words
from scrubjay.recall.reply import compact
from scrubjay.types import Kind, Shown

_SENTENCE = re.compile(  # or a piece of one, up to a space if it has any
    r"[^.!?。！？\n]{1,300}(?:[.!?。！？\n]+|\s|$)|[^.!?。！？\n]{300}"
)
_SHARES = 6  # of a long text, under pressure: its fields cost about as much, so that two or three such hits come
_LEAST_EXCERPT_CHARS = 8
_SHORT_METADATA_CHARS = 100  # by which a caller may know its own messages; it stays when a text is cut
_USEFUL_CHARS = 40  # a shorter quotation proves nothing
_USEFUL_TOKENS = 12  # about as many characters of English
_CURSORS_DIFFER_BY = 12
_MOST_SENTENCES = 100
_CHARS_PER_TOKEN = 6  # generous: the first guess is cut down until it fits
_Passage = tuple[int, set[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The hits that fit, what their reply costs at most, and how many were left out."""

    shown: tuple[Shown, ...]
    tokens: int
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A hit that comes: `row` as it stands for `price`, or, if `is_long`, an excerpt of it for that or more."""

    row: Shown
    price: int
    evidence: tuple[str, ...] = ()
    is_long: bool = False


def fit(hits: Sequence[Shown], *, max_tokens: int, count_tokens: Callable[[str], int], query: str) -> Fitted:
    """Keep hits in rank order while their JSON fits `max_tokens`; what costs too much is left out, smaller ones go on.

    Without room for everything, hits are told briefly (`Shown.brief`) and evidence gives way: it is shortened or
    dropped, which does not make a hit `truncated`. Then the words of long episodes come as excerpts, then hits are left
    out. A fact is cut only if it alone exceeds the budget.
    """
    budget = _Budget(max_tokens=max_tokens, prices=Prices(count_tokens), query=query)
    room = max_tokens - budget.prices.frame(max_tokens=max_tokens, hits=len(hits))
    if len(budget.prices.rows(hits, room=room)) < len(hits):
        hits = [replace(hit, brief=True) for hit in hits]
    places = budget.places(hits, room=room)
    left = room - sum(place.price for place in places)
    places, left = budget.with_evidence(places, room=left)
    shown, left = budget.with_excerpts(places, room=left)
    return Fitted(shown=tuple(shown), tokens=max_tokens - left, left_out=len(hits) - len(shown))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Budget:
    """The three steps of a fit: who comes, with which evidence, and how much of what is long."""

    max_tokens: int
    prices: Prices
    query: str

    def places(self, hits: Sequence[Shown], *, room: int) -> list[_Place]:
        """Return the hits for whose essentials there is room, best first: everything but evidence."""
        rows = [_without_evidence(hit) for hit in hits]
        prices = self.prices.rows(rows, room=room)
        if len(prices) == len(rows):
            return [
                _Place(row=row, price=price, evidence=hit.record.evidence)
                for hit, row, price in zip(hits, rows, prices, strict=True)
            ]
        places: list[_Place] = []
        left = room
        for hit, row in zip(hits, rows, strict=True):
            place = self._place(row, hit.record.evidence, left=left, room=room, is_first=not places)
            if place:
                places.append(place)
                left -= place.price
        return places

    def _place(self, row: Shown, evidence: tuple[str, ...], *, left: int, room: int, is_first: bool) -> _Place | None:
        """Return the place that a hit gets in what is left of the room, None if there is none for it."""
        share = self.max_tokens // _SHARES
        price = self.prices.row(row, at_most=left)
        if price <= left and not self._is_wordy(row, share):
            return _Place(row=row, price=price, evidence=evidence)
        least = self.prices.row(_least(row), at_most=left)
        if least > left:
            return None
        if self.prices.row(row, at_most=room) > room:
            row = _bare(row)
            price = self.prices.row(row, at_most=room)
        if price > room or self._is_wordy(row, share):
            enough = left >= least + _USEFUL_TOKENS or is_first
            return _Place(row=row, price=min(least + share, left), is_long=True) if enough else None
        return _Place(row=row, price=price) if price <= left else None

    def _is_wordy(self, row: Shown, share: int) -> bool:
        is_episode = row.record.kind is Kind.EPISODE
        return is_episode and self.prices.value(row.record.text, at_most=share) > share

    def with_evidence(self, places: Sequence[_Place], *, room: int) -> tuple[list[_Place], int]:
        """Return the places with as much evidence as there is room for, best first, and the room left."""
        filled = []
        for place in places:
            quoted, price = self._quoted(place.evidence, room=room)
            row = replace(place.row, record=replace(place.row.record, evidence=quoted)) if quoted else place.row
            filled.append(replace(place, row=row, price=place.price + price))
            room -= price
        return filled, room

    def _quoted(self, evidence: Sequence[str], *, room: int) -> tuple[tuple[str, ...], int]:
        """Return the quotations that fit `room`, whole or shortened, and what they cost."""
        quoted: list[str] = []
        spent = self.prices.list_frame("evidence") if evidence else 0
        for words in evidence:
            excerpt = _excerpt(words, self.query, room=room - spent - 1, least_chars=_USEFUL_CHARS, prices=self.prices)
            if excerpt is not None:
                quoted.append(excerpt)
                spent += self.prices.value(excerpt, at_most=room) + 1
        return tuple(quoted), spent if quoted else 0

    def with_excerpts(self, places: Sequence[_Place], *, room: int) -> tuple[list[Shown], int]:
        """Return the rows of the places, of long ones as much as fits theirs and what is left, and the room left."""
        shown: list[Shown] = []
        for place in places:
            row: Shown | None = place.row
            price = place.price
            if place.is_long:
                row, price = self._as_long_as_fits(place.row, room=place.price + room)
            if row:
                shown.append(row)
            room += place.price - price
        return shown, room

    def _as_long_as_fits(self, row: Shown, *, room: int) -> tuple[Shown | None, int]:
        fitting: Shown | None = row
        price = self.prices.row(row, at_most=room)
        if price > room:
            fitting = _cut(row, self.query, room=room, prices=self.prices)
            price = self.prices.row(fitting, at_most=room) if fitting else 0
        return fitting, price


def first_page(
    rows: Sequence[Shown], *, frame: Mapping[str, Any], max_tokens: int, count_tokens: Callable[[str], int]
) -> list[Shown]:
    """Return the first rows whose JSON fits `max_tokens` within the reply's frame, at least one: paging always gets on.

    A first row that alone exceeds the budget comes truncated, as far as its least form allows.
    """
    prices = Prices(count_tokens)
    kept: list[Shown] = []
    room = max_tokens - count_tokens(compact(frame)) - _CURSORS_DIFFER_BY
    for row in rows:
        price = prices.row(row, at_most=room)
        if price > room:
            if not kept:
                kept.append(_cut(row, "", room=room, prices=prices) or _least(row))
            break
        kept.append(row)
        room -= price
    return kept


def _cut(row: Shown, query: str, *, room: int, prices: Prices) -> Shown | None:
    spare = room - prices.row(_least(row), at_most=room)
    excerpt = _excerpt(row.record.text, query, room=spare, least_chars=_LEAST_EXCERPT_CHARS, prices=prices)
    return None if excerpt is None else _bare(row, excerpt)


def _bare(row: Shown, text: str | None = None) -> Shown:
    """Return the row without what is long but its text, or with another text."""
    said = row.record.text if text is None else text
    labels = row.record.metadata if len(compact(row.record.metadata)) <= _SHORT_METADATA_CHARS else {}
    bare = replace(row.record, text=said, evidence=(), metadata=labels, entities=(), relations=())
    return replace(row, record=bare, truncated=True)


def _least(row: Shown) -> Shown:
    """Return the row without what can be long, and with the very beginning of its text."""
    return _bare(row, "…")


def _without_evidence(row: Shown) -> Shown:
    return replace(row, record=replace(row.record, evidence=())) if row.record.evidence else row


def _excerpt(text: str, query: str, *, room: int, least_chars: int, prices: Prices) -> str | None:
    """Return the text if it costs at most `room`, else about the longest best excerpt that does; None if none does.

    The length is guessed, and corrected by what the guess costs: two or three counts, however long the text.
    """
    chars = min(len(text), room * _CHARS_PER_TOKEN)
    passages: list[_Passage] | None = None
    while room > 0 and chars >= min(least_chars, len(text)):
        if chars < len(text) and passages is None:
            passages = _passages(text, query)
        excerpt = text if passages is None else _around(text, passages, longest=chars)
        price = prices.value(excerpt, at_most=max(room, chars))
        if price <= room:
            return excerpt
        chars = min(chars - 1 - chars // 64, chars * room // price)
    return None


def best_excerpt(text: str, query: str, *, longest: int) -> str:
    """Return at most about `longest` characters of the text, from where most of the query's words stand."""
    return _around(text, _passages(text, query), longest=longest)


def _passages(text: str, query: str) -> list[_Passage]:
    """Return where the text's sentences begin, and which of the query's words are in each."""
    wanted = set(content_words(query))
    return [(found.start(), wanted & set(content_words(found.group()))) for found in _SENTENCE.finditer(text)]


def _around(text: str, passages: Sequence[_Passage], *, longest: int) -> str:
    start, best = 0, 0
    for number, (begin, found) in enumerate(passages):
        covered = set(found)
        for at, words in passages[number + 1 : number + _MOST_SENTENCES] if found else ():
            if at >= begin + longest:
                break
            covered |= words
        if len(covered) > best:
            start, best = begin, len(covered)
    last = len(text) - longest  # an excerpt that would reach past the end begins earlier
    start = min(start, next((begin for begin, _ in passages if begin >= last), start))
    passage = text[start : start + longest].strip()
    before, after = "… " if start else "", " …" if start + longest < len(text) else ""
    return f"{before}{passage}{after}"
