"""search: the few memories that answer a query, within the caller's sight and a token budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from scrubjay.errors import InvalidInput
from scrubjay.journeys.engine import Engine
from scrubjay.recall.budget import best_excerpt, fit
from scrubjay.recall.query import Asked, asked, content_words, lexical_query, stems
from scrubjay.recall.weights import LIKENESS, Ranking
from scrubjay.rights import Right
from scrubjay.texts import checked, contains_span
from scrubjay.types import (
    MAX_LIMIT,
    MAX_QUERY_CHARS,
    Caller,
    Filter,
    Hit,
    JsonObject,
    Kind,
    MemoryRecord,
    Owner,
    Scope,
    Shown,
    State,
    Visibility,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scrubjay.recall.ranking import Ranked

_CANDIDATES = 120
"""Rows that each of the two searches gives; recall@10 on LoCoMo: .820 with 60, .824 with 120, .825 with 200."""
RECALLED = frozenset({State.READY, State.PENDING})
"""The states that recall sees unless it is asked for suspect memories."""

BY_LIKENESS = Ranking().only(*LIKENESS)
"""How to look for what says the same as a text."""
Table = tuple[Owner, Filter]
"""Where to look: whose table, and which of its rows."""
_SPARE = 2  # more than asked for are read, since some may have changed meanwhile
_QUOTED_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to search for and among what. `max_tokens` None: no budget. `scope` None: all the caller may see.

    `any_time`: also what is no longer true. `collapse`: of a fact and its words only the better one.
    """

    query: str
    limit: int = 10
    max_tokens: int | None = None
    scope: Scope | None = None
    category: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None
    min_score: float = 0.0
    any_time: bool = False
    collapse: bool = True
    entity: str | None = None

    def __post_init__(self) -> None:
        checked(self.query, field="query", longest=MAX_QUERY_CHARS)
        check_limit(self.limit)
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InvalidInput("max_tokens", f"is {self.max_tokens}; it is at least 1")
        if not 0 <= self.min_score <= 1:
            raise InvalidInput("min_score", f"is {self.min_score}; it lies between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hits, best first; the tokens of their reply (0 without a budget); and how many hits the budget left out."""

    hits: tuple[Shown, ...]
    tokens: int
    left_out: int


def check_limit(limit: object) -> None:
    """Raise InvalidInput unless a limit is a number of results that can be meant."""
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput("limit", f"is {limit!r}; it is a whole number from 1 to {MAX_LIMIT:,}")


def search(engine: Engine, caller: Caller, question: Question) -> Found:
    """Return the best hits among the caller's own memories, best first.

    Raises InvalidInput, NotAllowed, OwnerRequired, EmbeddingError, StoreError.
    """
    caller.require(Right.READ)
    now = engine.now()
    tables = [
        (owner, filter_of(question, now=now, visible=visible)) for owner, visible in caller.readable(question.scope)
    ]
    speakers = frozenset().union(*(engine.store.speakers(owner, where) for owner, where in tables))
    wanted = asked(question.query, speakers=speakers, now=question.as_of or now)
    vector = engine.beside(lambda: engine.embedder.embed_query(wanted.topic))
    look = Look(asked=wanted, vector=vector, limit=question.limit, collapse=question.collapse)
    (hits,) = rank(engine, tables, [look], engine.ranking)
    shown = [Shown(record=hit.record, score=hit.score) for hit in hits if hit.score >= question.min_score]
    if question.max_tokens is None:
        return Found(hits=tuple(shown), tokens=0, left_out=0)
    fitted = fit(shown, max_tokens=question.max_tokens, count_tokens=engine.count_tokens, query=question.query)
    return Found(hits=fitted.shown, tokens=fitted.tokens, left_out=fitted.left_out)


def filter_of(question: Question, *, now: datetime, visible: Visibility) -> Filter:
    """Return the store's filter for a question: what is true now, or was at `as_of`, and never what has expired."""
    return Filter(
        visible=visible,
        states=RECALLED,
        category=question.category,
        metadata=question.metadata,
        current_at=now if question.as_of is None and not question.any_time else None,
        as_of=question.as_of,
        alive_at=now,
        since=question.since,
        until=question.until,
        entity=question.entity,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look-up: what is asked, its vector of shape (dimension,) when it is ready, and how many hits.

    `without`: ids that do not count. `collapse`: of a fact and its words only one.
    """

    asked: Asked
    vector: "Callable[[], NDArray[np.float32]]"
    limit: int
    without: frozenset[str] = frozenset()
    collapse: bool = True


def looks_like(text: str, vector: "NDArray[np.float32]", *, limit: int, without: frozenset[str] = frozenset()) -> Look:
    """Return a look-up of what says much the same as a text; to be ranked `BY_LIKENESS`."""
    wanted = Asked(text=text, topic=text, stems=stems(content_words(text)))
    return Look(asked=wanted, vector=lambda: vector, limit=limit, without=without)


def rank(engine: Engine, tables: Sequence[Table], looks: Sequence[Look], ranking: Ranking) -> list[list[Hit]]:
    """Return, for each look-up, the best hits of all tables, best first, with calibrated scores in [0, 1]."""
    orders = _orders(engine, tables, looks, ranking)
    hits = [hit for order in orders for hit in order]
    ids = tuple({each.id for hit in hits for each in (hit.candidate, *hit.words)})
    # The filter once more: the searches and this look-up may have seen different commits.
    records = [
        record
        for owner, where in (tables if ids else ())
        for record in still_current(engine, where, engine.store.find(owner, replace(where, ids=ids)))
    ]
    proven = proven_by_then(engine, tables, records, as_of=tables[0][1].as_of)
    record_by_key = {record.key: record for record in proven}
    read_hits = []
    for look, order in zip(looks, orders, strict=True):
        read = [hit for hit in order if hit.candidate.key in record_by_key]
        read_hits.append([_hit(hit, record_by_key, look) for hit in read[: look.limit]])
    return read_hits


def _orders(engine: Engine, tables: Sequence[Table], looks: Sequence[Look], ranking: Ranking) -> "list[list[Ranked]]":
    """Return the candidates of each look-up in order. Words are looked for first, while the vectors are made.

    The candidates of all tables are one pool: what is best in a table of things that do not matter is not good.
    """
    import numpy as np

    from scrubjay.recall.collapse import collapsed
    from scrubjay.recall.pool import comparable, pool_of
    from scrubjay.recall.ranking import ranked

    most, store = max([_CANDIDATES, *(4 * look.limit for look in looks)]), engine.store
    queries = [lexical_query(look.asked.text) for look in looks]
    sharing = [
        comparable([store.lexical(o, words, where, limit=most) for o, where in tables if words], look.asked.stems)
        for look, words in zip(looks, queries, strict=True)
    ]
    vectors = np.stack([look.vector() for look in looks])
    nearest = [store.dense(o, vectors, where, limit=most) for o, where in tables]
    orders = []
    for number, look in enumerate(looks):
        near = [match for of_table in nearest for match in of_table[number]]
        pool = pool_of(vectors[number], near, sharing[number], without=look.without)
        order = ranked(look.asked, pool, ranking, limit=look.limit)
        orders.append((collapsed(order) if look.collapse else order)[: look.limit + _SPARE])
    return orders


def proven_by_then(
    engine: Engine, tables: Sequence[Table], records: Sequence[MemoryRecord], *, as_of: datetime | None
) -> list[MemoryRecord]:
    """Return rows without evidence that was given only after `as_of`, when a fact was confirmed later."""
    ids = tuple({source for record in records if record.evidence for source in record.source_ids})
    if as_of is None or not ids:
        return list(records)
    sources = [row for o, where in tables for row in engine.store.find(o, Filter(visible=where.visible, ids=ids))]
    said = [row for row in sources if row.kind is Kind.EPISODE]

    def was_given(words: str) -> bool:
        when = [row.valid_from for row in said if contains_span(row.text, words)]
        return not when or min(when) <= as_of

    return [replace(record, evidence=tuple(filter(was_given, record.evidence))) for record in records]


def still_current(engine: Engine, where: Filter, records: Sequence[MemoryRecord]) -> list[MemoryRecord]:
    """Return the rows that a supersede has not closed while they were read, when current ones were asked for."""
    now = engine.now()
    return [record for record in records if where.current_at is None or record.is_current(now)]


def _hit(hit: "Ranked", record_by_key: Mapping[tuple[str, int], MemoryRecord], look: Look) -> Hit:
    """Return a hit, with what of its words fits the question better than the fact does."""
    record = record_by_key[hit.candidate.key]
    words = [record_by_key[each.key].text for each in hit.words if each.key in record_by_key]
    quotes = [best_excerpt(text, look.asked.text, longest=_QUOTED_CHARS) for text in words]
    kept = [proof for proof in record.evidence if not any(contains_span(quote, proof) for quote in quotes)]
    new = [quote for quote in quotes if not any(contains_span(proof, quote.strip(" …")) for proof in kept)]
    return Hit(record=replace(record, evidence=(*kept, *new)), score=hit.probability)
