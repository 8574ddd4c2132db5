"""search: the few memories that answer a query, within the caller's sight and a token budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from scrubjay.errors import InvalidInput
from scrubjay.journeys.engine import Engine
from scrubjay.recall.budget import fit
from scrubjay.recall.collapse import collapsed
from scrubjay.recall.fusion import confidence, weighted_sum
from scrubjay.recall.query import content_words, lexical_query
from scrubjay.texts import checked
from scrubjay.types import (
    MAX_LIMIT,
    MAX_QUERY_CHARS,
    Caller,
    Filter,
    Hit,
    JsonObject,
    Match,
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

_CANDIDATES = 200
"""Rows that each of the two searches gives to fusion; hit@10 on LoCoMo: .768 with 100, .787 with 200, .786 with all."""
RECALLED = frozenset({State.READY, State.PENDING})
"""The states that recall sees unless it is asked for suspect memories."""

Key = tuple[str, int]


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
    tables = caller.readable(question.scope)
    vector = engine.embedder.embed_query(question.query)
    wanted = Wanted(text=question.query, vector=vector, limit=question.limit, collapse=question.collapse)
    now = engine.now()
    hits = [
        hit
        for owner, visible in tables
        for hit in rank(engine, owner, filter_of(question, now=now, visible=visible), [wanted])[0]
        if hit.score >= question.min_score
    ]
    best = sorted(hits, key=lambda hit: -hit.score)[: question.limit]
    shown = [Shown(record=hit.record, score=hit.score) for hit in best]
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
class Wanted:
    """One look-up: a text with its vector of shape (dimension,), how many hits, and ids that do not count."""

    text: str
    vector: "NDArray[np.float32]"
    limit: int
    without: frozenset[str] = frozenset()
    collapse: bool = True


def rank(engine: Engine, owner: Owner, where: Filter, wanted: Sequence[Wanted]) -> list[list[Hit]]:
    """Return, for each look-up, the best hits in one owner's table, best first, with scores in [0, 1]."""
    import numpy as np

    candidates = max([_CANDIDATES, *(4 * one.limit for one in wanted)])
    vectors = np.stack([one.vector for one in wanted])
    nearest = engine.store.dense(owner, vectors, where, limit=candidates)
    orders = []
    for one, near in zip(wanted, nearest, strict=True):
        words = lexical_query(one.text)
        sharing = engine.store.lexical(owner, words, where, limit=candidates) if words else []
        dense, lexical = _scores(near, one.without), _scores(sharing, one.without)
        fused = sorted(weighted_sum(dense, lexical).items(), key=lambda item: (-item[1], item[0]))
        orders.append((dense, fused[: 2 * one.limit]))
    ids = tuple({memory_id for _, order in orders for (memory_id, _), _ in order})
    # The filter once more: the two searches and this look-up may have seen different commits.
    records = engine.store.find(owner, replace(where, ids=ids)) if ids else []
    record_by_key = {record.key: record for record in still_current(engine, where, records)}
    found = []
    for one, (dense, order) in zip(wanted, orders, strict=True):
        hits = _hits(one, dense, [(record_by_key[key], score) for key, score in order if key in record_by_key])
        found.append((collapsed(hits) if one.collapse else hits)[: one.limit])
    return found


def still_current(engine: Engine, where: Filter, records: Sequence[MemoryRecord]) -> list[MemoryRecord]:
    """Return the rows that a supersede has not closed while they were read, when current ones were asked for."""
    now = engine.now()
    return [record for record in records if where.current_at is None or record.is_current(now)]


def _hits(one: Wanted, dense: Mapping[Key, float], ranked: Sequence[tuple[MemoryRecord, float]]) -> list[Hit]:
    """Return hits whose best has its calibrated score and whose others have their share of it."""
    if not ranked:
        return []
    best, best_score = ranked[0]
    calibrated = confidence(dense.get(best.key, 0.0), content_words(one.text), best.lexical)
    scale = calibrated / best_score if best_score else 0.0
    return [Hit(record=record, score=score * scale) for record, score in ranked]


def _scores(matches: Sequence[Match], without: frozenset[str]) -> dict[Key, float]:
    return {(match.id, match.version): match.score for match in matches if match.id not in without}
