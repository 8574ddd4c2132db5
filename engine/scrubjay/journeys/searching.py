"""search: the few memories that answer a query, within the caller's sight and a token budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from scrubjay.errors import InvalidInput
from scrubjay.journeys.engine import Engine
from scrubjay.recall.budget import best_excerpt, fit
from scrubjay.recall.query import Asked, asked, content_words, lexical_query, stems
from scrubjay.recall.weights import LIKENESS, Ranking
from scrubjay.texts import checked, contains_span
from scrubjay.types import (
    MAX_LIMIT,
    MAX_QUERY_CHARS,
    Caller,
    Filter,
    Hit,
    JsonObject,
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

_CANDIDATES = 200
"""Rows that each of the two searches gives to fusion; hit@10 on LoCoMo: .768 with 100, .787 with 200, .786 with all."""
RECALLED = frozenset({State.READY, State.PENDING})
"""The states that recall sees unless it is asked for suspect memories."""

BY_LIKENESS = Ranking().only(*LIKENESS)
"""How to look for what says the same as a text."""
_SPARE = 5  # more than asked for are read, since some may have changed meanwhile
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

    Raises InvalidInput, OwnerRequired, EmbeddingError, StoreError.
    """
    now = engine.now()
    tables = [
        (owner, filter_of(question, now=now, visible=visible)) for owner, visible in caller.readable(question.scope)
    ]
    speakers = frozenset().union(*(engine.store.speakers(owner, where) for owner, where in tables))
    wanted = asked(question.query, speakers=speakers, now=question.as_of or now)
    vector = engine.beside(lambda: engine.embedder.embed_query(wanted.topic))
    look = Look(asked=wanted, vector=vector, limit=question.limit, collapse=question.collapse)
    hits = [hit for owner, where in tables for hit in rank(engine, owner, where, [look], engine.ranking)[0]]
    best = sorted(hits, key=lambda hit: -hit.score)[: question.limit]
    shown = [Shown(record=hit.record, score=hit.score) for hit in best if hit.score >= question.min_score]
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


def rank(engine: Engine, owner: Owner, where: Filter, looks: Sequence[Look], ranking: Ranking) -> list[list[Hit]]:
    """Return, for each look-up, the best hits in one owner's table, best first, with calibrated scores in [0, 1]."""
    orders = _orders(engine, owner, where, looks, ranking)
    ids = tuple({hit.candidate.id for order in orders for hit in order})
    # The filter once more: the searches and this look-up may have seen different commits.
    records = engine.store.find(owner, replace(where, ids=ids)) if ids else []
    record_by_key = {record.key: record for record in still_current(engine, where, records)}
    found = []
    for look, order in zip(looks, orders, strict=True):
        read = [(hit, record_by_key[hit.candidate.key]) for hit in order if hit.candidate.key in record_by_key]
        found.append([_hit(hit, record, look) for hit, record in read[: look.limit]])
    return found


def _orders(
    engine: Engine, owner: Owner, where: Filter, looks: Sequence[Look], ranking: Ranking
) -> "list[list[Ranked]]":
    """Return the candidates of each look-up in order. Words are looked for first, while the vectors are made."""
    import numpy as np

    from scrubjay.recall.collapse import collapsed
    from scrubjay.recall.pool import pool_of
    from scrubjay.recall.ranking import ranked

    candidates = max([_CANDIDATES, *(4 * look.limit for look in looks)])
    queries = [lexical_query(look.asked.text) for look in looks]
    sharing = [engine.store.lexical(owner, words, where, limit=candidates) if words else [] for words in queries]
    vectors = np.stack([look.vector() for look in looks])
    nearest = engine.store.dense(owner, vectors, where, limit=candidates)
    orders = []
    for look, vector, near, same_words in zip(looks, vectors, nearest, sharing, strict=True):
        pool = pool_of(vector, near, same_words, without=look.without)
        order = ranked(look.asked, pool, ranking, limit=2 * look.limit)
        orders.append((collapsed(order) if look.collapse else order)[: look.limit + _SPARE])
    return orders


def still_current(engine: Engine, where: Filter, records: Sequence[MemoryRecord]) -> list[MemoryRecord]:
    """Return the rows that a supersede has not closed while they were read, when current ones were asked for."""
    now = engine.now()
    return [record for record in records if where.current_at is None or record.is_current(now)]


def _hit(hit: "Ranked", record: MemoryRecord, look: Look) -> Hit:
    """Return a hit with what of its words fits the question better than the fact does."""
    quotes = [best_excerpt(words.text, look.asked.text, longest=_QUOTED_CHARS) for words in hit.words]
    said = " ".join(record.evidence)
    evidence = (*record.evidence, *(quote for quote in quotes if not contains_span(said, quote)))
    return Hit(record=replace(record, evidence=evidence), score=hit.probability)
