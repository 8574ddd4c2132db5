"""add: what was said and the facts in it, written at once, with what is already known about the same things."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from scrubjay.errors import InvalidInput
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.searching import RECALLED, rank
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
    Visibility,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
    """What became of each message, then of each fact, in order, and known memories close to the new ones."""

    outcomes: tuple[Outcome, ...]
    related: tuple[Hit, ...]


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
        told = _plan_facts(engine, occasion, addition.facts, [outcome.record for outcome in said.outcomes])
        inserted = _in_order([*said.inserted, *told.inserted], occasion.now)
        replaced = [*told.replaced, *_outdated(engine, occasion, told.replaced)]
        if inserted or replaced:
            vectors = _stacked([embedded[record.text] for record in inserted], engine.embedder.dimension)
            engine.store.write(owner, inserted=inserted, vectors=vectors, replaced=replaced)
    compared = inserted if addition.compared and not addition.facts else [r for r in inserted if r.kind is Kind.FACT]
    related = _related(engine, occasion, compared, embedded) if len(compared) <= _COMPARED_AT_MOST else ()
    return Added(outcomes=(*said.outcomes, *told.outcomes), related=related)


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
    known = _known(engine, occasion, list(digest_by_text.values()))
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
    known = _known(engine, occasion, digests) | _said_before(engine, occasion, messages, digests)
    last = _last_turn(engine, occasion)
    previous, turn = (last.text, last.turn + 1) if last else ("", 0)
    outcomes: list[Outcome] = []
    for number, (message, digest) in enumerate(zip(messages, digests, strict=True)):
        if digest in known:
            outcomes.append(Outcome(record=known[digest], event=Event.NONE))
        else:
            record = episode_row(message, occasion, token=engine.new_token(), turn=turn + number, previous=previous)
            known[digest] = record
            outcomes.append(Outcome(record=record, event=Event.ADD))
        previous = message.content
    inserted = tuple(outcome.record for outcome in outcomes if outcome.event is Event.ADD)
    return Plan(inserted=inserted, replaced=(), outcomes=tuple(outcomes))


def _plan_facts(
    engine: Engine, occasion: Occasion, drafts: Sequence[FactDraft], episodes: Sequence[MemoryRecord]
) -> Plan:
    proposals = [
        Proposal(draft=draft, token=engine.new_token(), source=source_of(draft, episodes, field=f"facts[{number}]"))
        for number, draft in enumerate(drafts)
    ]
    target_ids = tuple(dict.fromkeys(target for draft in drafts for target in draft.replaces))
    targets = _current(engine, occasion, Filter(ids=target_ids)) if target_ids else []
    known = _known(engine, occasion, [fact_digest(draft.text) for draft in drafts])
    return plan_facts(
        proposals, occasion, known_by_digest=known, target_by_id={record.id: record for record in targets}
    )


def _outdated(engine: Engine, occasion: Occasion, closed: Sequence[MemoryRecord]) -> list[MemoryRecord]:
    """Return the episodes to close together with these facts, which nothing true rests on any more."""
    sources = tuple(dict.fromkeys(source for record in closed for source in record.source_ids))
    if not sources:
        return []
    episodes = engine.store.find(occasion.owner, Filter(ids=sources, kind=Kind.EPISODE))
    resting = engine.store.find(occasion.owner, Filter(rests_on=sources))
    return outdated_episodes(closed, episodes, resting, now=occasion.now)


def _current(engine: Engine, occasion: Occasion, where: Filter) -> list[MemoryRecord]:
    """Return the current rows in the scope of this add that match."""
    visible = Visibility(scopes=frozenset({occasion.scope}), session_id=occasion.caller.session_id)
    return engine.store.find(occasion.owner, replace(where, visible=visible, current_at=occasion.now))


def _known(engine: Engine, occasion: Occasion, digests: Sequence[str]) -> dict[str, MemoryRecord]:
    if not digests:
        return {}
    return {record.digest: record for record in _current(engine, occasion, Filter(digests=tuple(digests)))}


def _said_before(
    engine: Engine, occasion: Occasion, messages: Sequence[Message], digests: Sequence[str]
) -> dict[str, MemoryRecord]:
    """Return what a transcript that is sent again said at the same moments before, though it may be outdated now."""
    dated = tuple(digest for message, digest in zip(messages, digests, strict=True) if message.time is not None)
    if not dated:
        return {}
    visible = Visibility(scopes=frozenset({occasion.scope}), session_id=occasion.caller.session_id)
    where = Filter(visible=visible, digests=dated, alive_at=occasion.now)
    return {record.digest: record for record in engine.store.find(occasion.owner, where)}


def _last_turn(engine: Engine, occasion: Occasion) -> MemoryRecord | None:
    """Return what was said last in this conversation; without a session there is no telling."""
    session_id = occasion.caller.session_id
    if not session_id:
        return None
    where = Filter(session_id=session_id, kind=Kind.EPISODE, alive_at=occasion.now)
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
    """Return current memories close to the new rows, best first; of new rows close to each other, both."""
    visible = Visibility(scopes=frozenset({occasion.scope}), session_id=occasion.caller.session_id)
    best: dict[str, Hit] = {}
    for record in compared:
        own = (record.id, *record.source_ids)
        where = Filter(visible=visible, current_at=occasion.now, states=RECALLED, without_ids=own)
        vector = vectors[record.text]
        for hit in rank(engine, [(occasion.owner, where)], query=record.text, vector=vector, limit=_RELATED_PER_ITEM):
            known = best.get(hit.record.id)
            if hit.score >= _RELATED_LEAST_SCORE and (known is None or known.score < hit.score):
                best[hit.record.id] = hit
    return tuple(sorted(best.values(), key=lambda hit: -hit.score)[:_RELATED_AT_MOST])
