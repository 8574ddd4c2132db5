"""search: the few memories that answer a query, within the caller's sight and a token budget."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from scrubjay.errors import InvalidInput
from scrubjay.journeys.engine import Engine
from scrubjay.recall.budget import fit
from scrubjay.recall.collapse import collapsed
from scrubjay.recall.fusion import confidence, weighted_sum
from scrubjay.recall.query import content_words
from scrubjay.texts import checked
from scrubjay.types import MAX_QUERY_CHARS, Caller, Filter, Hit, JsonObject, Match, MemoryRecord, Owner, Scope, State

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CANDIDATES = 200
"""Rows that each of the two searches gives to fusion; hit@10 on LoCoMo: .768 with 100, .787 with 200, .786 with all."""
RECALLED = frozenset({State.READY, State.PENDING})
"""The states that recall sees unless it is asked for suspect memories."""

_MOST_WORDS = 64
"""A whole page as a query is looked up by its first different words; its meaning is in the vector."""

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to search for and among what. `max_tokens` None: no budget. `scope` None: all the caller may see."""

    query: str
    limit: int = 10
    max_tokens: int | None = None
    scope: Scope | None = None
    category: str = ""
    metadata: JsonObject = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None
    min_score: float = 0.0

    def __post_init__(self) -> None:
        checked(self.query, field="query", longest=MAX_QUERY_CHARS)
        if self.limit < 1:
            raise InvalidInput("limit", f"is {self.limit}; it is at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hits, best first; the tokens of their reply (0 without a budget); and how many hits the budget left out."""

    hits: tuple[Hit, ...]
    tokens: int
    left_out: int


def search(engine: Engine, caller: Caller, question: Question) -> Found:
    """Return the best hits among the caller's own memories.

    Raises InvalidInput, OwnerRequired, EmbeddingError, StoreError.
    """
    tables = [
        (owner, filter_of(question, now=engine.now(), base=Filter(visible=visible)))
        for owner, visible in caller.readable(question.scope)
    ]
    vector = engine.embedder.embed_query(question.query)
    ranked = rank(engine, tables, query=question.query, vector=vector, limit=question.limit)
    hits = [hit for hit in ranked if hit.score >= question.min_score]
    if question.max_tokens is None:
        return Found(hits=tuple(hits), tokens=0, left_out=0)
    fitted = fit(hits, max_tokens=question.max_tokens, count_tokens=engine.count_tokens, query=question.query)
    return Found(hits=fitted.hits, tokens=fitted.tokens, left_out=fitted.left_out)


def filter_of(question: Question, *, now: datetime, base: Filter) -> Filter:
    """Return the store's filter for a question: what is true now, or was at `as_of`, and never what has expired."""
    return Filter(
        visible=base.visible,
        states=RECALLED,
        category=question.category,
        metadata=question.metadata,
        current_at=now if question.as_of is None else None,
        as_of=question.as_of,
        alive_at=now,
        since=question.since,
        until=question.until,
    )


def rank(
    engine: Engine,
    tables: Sequence[tuple[Owner, Filter]],
    *,
    query: str,
    vector: "NDArray[np.float32]",
    limit: int,
) -> list[Hit]:
    """Return the best hits over several owners' tables, best first, with scores in [0, 1]."""
    dense: dict[Key, float] = {}
    lexical: dict[Key, float] = {}
    words = list(dict.fromkeys(content_words(query)))[:_MOST_WORDS]
    candidates = max(_CANDIDATES, 4 * limit)
    owner_by_key: dict[Key, tuple[Owner, Filter]] = {}
    for owner, where in tables:
        nearest = engine.store.dense(owner, vector, where, limit=candidates)
        sharing = engine.store.lexical(owner, " ".join(words), where, limit=candidates) if words else []
        dense |= _scores(nearest)
        lexical |= _scores(sharing)
        owner_by_key |= {(match.id, match.version): (owner, where) for match in (*nearest, *sharing)}
    order = sorted(weighted_sum(dense, lexical).items(), key=lambda item: (-item[1], item[0]))[: 4 * limit]
    record_by_key = _records(engine, [key for key, _ in order], owner_by_key)
    ranked = [(record_by_key[key], score) for key, score in order if key in record_by_key]
    if not ranked:
        return []
    best, best_score = ranked[0]
    scale = confidence(dense.get(best.key, 0.0), words, best.lexical) / best_score if best_score else 0.0
    return collapsed([Hit(record=record, score=score * scale) for record, score in ranked])[:limit]


def _scores(matches: Sequence[Match]) -> dict[Key, float]:
    return {(match.id, match.version): match.score for match in matches}


def _records(
    engine: Engine, keys: Sequence[Key], owner_by_key: dict[Key, tuple[Owner, Filter]]
) -> dict[Key, MemoryRecord]:
    ids_by_table: dict[Owner, list[str]] = {}
    where_by_owner: dict[Owner, Filter] = {}
    for key in keys:
        owner, where = owner_by_key[key]
        ids_by_table.setdefault(owner, []).append(key[0])
        where_by_owner[owner] = where
    return {
        record.key: record
        for owner, ids in ids_by_table.items()
        for record in engine.store.find(owner, Filter(visible=where_by_owner[owner].visible, ids=tuple(ids)))
    }
