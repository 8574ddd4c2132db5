"""add: what was said and the facts in it, written at once, with what is already known about the same things."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from scrubjay.errors import InvalidInput, StoreError
from scrubjay.journeys.engine import Engine, is_memory_id
from scrubjay.journeys.searching import RECALLED, Wanted, rank
from scrubjay.remembering.plan import Outcome, Plan, Proposal, outdated_episodes, plan_facts, source_of
from scrubjay.remembering.rows import Occasion, episode_digest, episode_row, fact_digest
from scrubjay.types import (
    MAX_BATCH,
    Caller,
    Event,
    FactDraft,
    Filter,
    Hit,
    Kind,
    MemoryRecord,
    Message,
    Scope,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

_RELATED_PER_ITEM = 3
_RELATED_AT_MOST = 10
_RELATED_LEAST_SCORE = 0.3
_COMPARED_AT_MOST = 50  # a bulk import is not a question about each of its lines
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What to add. `compared` says whether to look for related memories of the messages, too, not only of the facts."""

    messages: Sequence[Message] = ()
    facts: Sequence[FactDraft] = ()
    scope: Scope = Scope.USER
    compared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of each message, then of each fact, in order, and known memories close to the new ones.

    `uncompared`: how many new facts beyond the first 50 nobody has compared with what is known.
    """

    outcomes: tuple[Outcome, ...]
    related: tuple[Hit, ...]
    uncompared: int = 0


def add(engine: Engine, caller: Caller, addition: Addition) -> Added:
    """Write messages as episodes and facts as facts, all or nothing; what is known already changes nothing.

    Raises InvalidInput, MemoryNotFound (for `replaces`), OwnerRequired, EmbeddingError, StoreError.
    """
    _check_size(addition)
    owner = caller.owner_of(addition.scope)
    embedded = _embed_new(engine, _occasion(engine, caller, addition.scope), addition)
    with engine.store.exclusive(owner):
        occasion = _occasion(engine, caller, addition.scope)  # the time of the commit: others may have come before
        said = _plan_messages(engine, occasion, addition.messages)
        told = _plan_facts(engine, occasion, addition, said)
        inserted = _in_order([*said.inserted, *told.inserted], occasion.now)
        replaced = [*told.replaced, *_outdated(engine, occasion, told)]
        if inserted or replaced:
            vectors = _stacked([embedded[record.text] for record in inserted], engine.embedder.dimension)
            engine.store.write(owner, inserted=inserted, vectors=vectors, replaced=replaced)
    compared = inserted if addition.compared and not addition.facts else [r for r in inserted if r.kind is Kind.FACT]
    return Added(
        outcomes=(*said.outcomes, *told.outcomes),
        related=_related(engine, occasion, compared[:_COMPARED_AT_MOST], embedded),
        uncompared=max(0, len(compared) - _COMPARED_AT_MOST),
    )


def _occasion(engine: Engine, caller: Caller, scope: Scope) -> Occasion:
    now = engine.now()
    expires_at = now + engine.session_ttl if scope is Scope.SESSION else None
    return Occasion(caller=caller, owner=caller.owner_of(scope), scope=scope, now=now, expires_at=expires_at)


def _check_size(addition: Addition) -> None:
    for field, items in (("messages", addition.messages), ("facts", addition.facts)):
        if len(items) > MAX_BATCH:
            raise InvalidInput(field, f"has {len(items):,} items, the most is {MAX_BATCH:,}; send several calls")
    if not addition.messages and not addition.facts:
        raise InvalidInput("content", "is empty, and so are messages and facts; give one of them")


def _embed_new(engine: Engine, occasion: Occasion, addition: Addition) -> "dict[str, NDArray[np.float32]]":
    """Embed what is not known yet, before the lock is taken: a transcript that is sent again costs nothing."""
    session_id = occasion.caller.session_id
    digest_by_text = {message.content: episode_digest(message, session_id=session_id) for message in addition.messages}
    digest_by_text |= {draft.text: fact_digest(draft.text) for draft in addition.facts if not draft.replaces}
    rows = _in_scope(engine, occasion, digests=list(digest_by_text.values()))
    known = {row.digest for row in rows}
    texts = [text for text, digest in digest_by_text.items() if digest not in known]
    texts += [draft.text for draft in addition.facts if draft.replaces]
    return _Vectors(engine, dict(zip(texts, engine.embedder.embed_documents(texts), strict=True)) if texts else {})


class _Vectors(dict[str, "NDArray[np.float32]"]):
    """Vectors by text; one that was known a moment ago, and was forgotten meanwhile, is made when asked for."""

    def __init__(self, engine: Engine, vectors: "dict[str, NDArray[np.float32]]") -> None:
        super().__init__(vectors)
        self._engine = engine

    def __missing__(self, text: str) -> "NDArray[np.float32]":
        vector: NDArray[np.float32] = self._engine.embedder.embed_documents([text])[0]
        self[text] = vector
        return vector


def _plan_messages(engine: Engine, occasion: Occasion, messages: Sequence[Message]) -> Plan:
    if not messages:
        return Plan(inserted=(), replaced=(), outcomes=())
    session_id = occasion.caller.session_id
    digests = [episode_digest(message, session_id=session_id) for message in messages]
    known = _known_messages(engine, occasion, messages, digests)
    last = _last_turn(engine, occasion)
    previous, turn = (last.text, last.turn + 1) if last else ("", 0)
    outcomes: list[Outcome] = []
    for number, (message, digest) in enumerate(zip(messages, digests, strict=True)):
        event = Event.NONE if digest in known else Event.ADD
        if event is Event.ADD:
            known[digest] = episode_row(
                message, occasion, token=engine.new_token(), turn=turn + number, previous=previous
            )
        outcomes.append(Outcome(record=known[digest], event=event))
        previous = known[digest].text  # as it is stored, so that forgetting it finds its traces
    inserted = tuple(outcome.record for outcome in outcomes if outcome.event is Event.ADD)
    return Plan(inserted=inserted, replaced=(), outcomes=tuple(outcomes))


def _plan_facts(engine: Engine, occasion: Occasion, addition: Addition, said: Plan) -> Plan:
    drafts = addition.facts
    if not drafts:
        return Plan(inserted=(), replaced=(), outcomes=())
    # Evidence is quoted from what was sent, which may be another spelling of what is known.
    episodes = [
        replace(outcome.record, text=message.content)
        for outcome, message in zip(said.outcomes, addition.messages, strict=True)
    ]
    proposals = [
        Proposal(draft=draft, token=engine.new_token(), source=source_of(draft, episodes, field=f"facts[{number}]"))
        for number, draft in enumerate(drafts)
    ]
    for number, draft in enumerate(drafts):
        if draft.expires_at is not None and draft.expires_at <= max(occasion.now, draft.valid_from or occasion.now):
            raise InvalidInput(f"facts[{number}].expires_at", "lies before the fact would hold; nothing was stored")
    known = _in_scope(engine, occasion, digests=[fact_digest(draft.text) for draft in drafts])
    replaced = {target for draft in drafts for target in draft.replaces if is_memory_id(target)}
    ids = tuple(replaced | {record.id for record in known})
    versions = engine.store.find(occasion.owner, Filter(ids=ids, visible=occasion.visible)) if ids else []
    return plan_facts(proposals, occasion, known=known, versions=versions)


def _outdated(engine: Engine, occasion: Occasion, told: Plan) -> list[MemoryRecord]:
    """Return the episodes to close together with the facts that a plan closes, which nothing true rests on any more."""
    closed = told.replaced
    sources = tuple(dict.fromkeys(source for record in closed for source in record.source_ids))
    if not sources:
        return []
    episodes = engine.store.find(occasion.owner, Filter(ids=sources, kind=Kind.EPISODE))
    untouched = [episode for episode in episodes if episode.key not in {record.key for record in closed}]
    resting = [*engine.store.find(occasion.owner, Filter(rests_on=sources)), *told.inserted]
    return outdated_episodes(closed, untouched, resting, now=occasion.now)


def _in_scope(engine: Engine, occasion: Occasion, *, digests: Sequence[str]) -> list[MemoryRecord]:
    """Return the rows, current and past, in the scope of this add that say one of these things."""
    where = Filter(visible=occasion.visible, digests=tuple(digests), alive_at=occasion.now)
    return engine.store.find(occasion.owner, where) if digests else []


def _known_messages(
    engine: Engine, occasion: Occasion, messages: Sequence[Message], digests: Sequence[str]
) -> dict[str, MemoryRecord]:
    """Return what was said before: still current, or (a transcript sent again) at the same moment, if outdated now."""
    dated = {digest for message, digest in zip(messages, digests, strict=True) if message.time is not None}
    rows = _in_scope(engine, occasion, digests=digests)
    return {row.digest: row for row in reversed(rows) if row.is_current(occasion.now) or row.digest in dated}


def _last_turn(engine: Engine, occasion: Occasion) -> MemoryRecord | None:
    """Return what was said last in this conversation and scope; without a session there is no telling."""
    session_id = occasion.caller.session_id
    if not session_id:
        return None
    where = Filter(
        visible=occasion.visible,
        session_id=session_id,
        written_by=occasion.identity()["written_by"],  # in the agent's table others have conversations too
        kind=Kind.EPISODE,
        alive_at=occasion.now,
        states=RECALLED,
    )
    return next(iter(engine.store.find(occasion.owner, where, limit=1)), None)


def _in_order(records: Sequence[MemoryRecord], now: datetime) -> list[MemoryRecord]:
    """Let the rows of one add follow each other by a microsecond, so that listings keep their order."""
    return [replace(record, recorded_at=now + number * _TICK) for number, record in enumerate(records)]


def _stacked(vectors: "list[NDArray[np.float32]]", dimension: int) -> "NDArray[np.float32]":
    import numpy as np

    return np.stack(vectors) if vectors else np.zeros((0, dimension), dtype=np.float32)


def _related(
    engine: Engine, occasion: Occasion, compared: Sequence[MemoryRecord], vectors: "dict[str, NDArray[np.float32]]"
) -> tuple[Hit, ...]:
    """Return current memories close to the new rows, best first; of new rows close to each other, both.

    The rows are stored already: when this fails, it is the hint that is missing and not the memory.
    """
    where = Filter(visible=occasion.visible, current_at=occasion.now, states=RECALLED)
    wanted = [
        Wanted(
            text=record.text,
            vector=vectors[record.text],
            limit=_RELATED_PER_ITEM,
            without=frozenset({record.id, *record.source_ids}),
        )
        for record in compared
    ]
    best: dict[str, Hit] = {}
    try:
        ranked = rank(engine, occasion.owner, where, wanted) if wanted else []
    except StoreError as error:
        logger.warning("related memories could not be looked up: %s", error)
        return ()
    for hit in [hit for hits in ranked for hit in hits if hit.score >= _RELATED_LEAST_SCORE]:
        known = best.get(hit.record.id)
        if known is None or known.score < hit.score:
            best[hit.record.id] = hit
    return tuple(sorted(best.values(), key=lambda hit: -hit.score)[:_RELATED_AT_MOST])
