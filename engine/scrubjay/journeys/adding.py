"""add: what was said and the facts in it, written at once, with what is already known about the same things.

With an extractor, what was said is written as pending first and then read for facts (`extracting`); the caller waits
for that a little, and the rest goes on in the background.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from scrubjay.errors import InvalidInput, StoreError
from scrubjay.journeys.asking import NOT_READ
from scrubjay.journeys.awaiting import Awaited, await_reading
from scrubjay.journeys.committing import Vectors, commit, in_scope, outdated, versions_of
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.extracting import MOST_ATTEMPTS
from scrubjay.journeys.searching import BY_LIKENESS, RECALLED, looks_like, rank
from scrubjay.journeys.writing import writing
from scrubjay.progress import Progress
from scrubjay.remembering.gate import is_small_talk
from scrubjay.remembering.plan import Outcome, Plan, Proposal, plan_facts, source_of
from scrubjay.remembering.rows import Occasion, episode_digest, episode_row, fact_digest, memory_id, read_already
from scrubjay.remembering.suspicion import set_apart, suspicion
from scrubjay.remembering.windows import without_recalled
from scrubjay.rights import Right, grants
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
    State,
)

logger = logging.getLogger(__name__)

_RELATED_PER_ITEM = 3
_RELATED_AT_MOST = 10
_RELATED_LEAST_SCORE = 0.3
_COMPARED_AT_MOST = 50  # a bulk import is not a question about each of its lines
_GIVEN_UP = f"some were tried {MOST_ATTEMPTS} times in vain: `scrubjay extract --pending` tries them once more"
_QUESTION_MARKS = ("?", "？", "؟")


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What to add. `compared` says whether to look for related memories of the messages, too, not only of the facts.

    `infer`: leave out small talk, and have an extractor read the messages for facts when none are given.
    """

    messages: Sequence[Message] = ()
    facts: Sequence[FactDraft] = ()
    scope: Scope = Scope.USER
    compared: bool = False
    infer: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of each message, then of each fact, in order, and known memories close to the new ones.

    Messages that an extractor has read are not among the outcomes: their facts are. `uncompared`: how many new facts
    beyond the first 50 nobody has compared with what is known. `conflicting`: the related ones are what an extractor
    found to contradict the new facts. `read`: how many messages have been read; `pending`: how many are still to be,
    and `problem` why, if there is any other reason than time. `unread`: there is no extractor. `left_out`: small talk.
    """

    outcomes: tuple[Outcome, ...]
    related: tuple[Hit, ...]
    uncompared: int = 0
    conflicting: bool = False
    read: int = 0
    pending: int = 0
    problem: str = ""
    unread: bool = False
    left_out: int = 0


def add(engine: Engine, caller: Caller, addition: Addition, *, progress: Progress | None = None) -> Added:
    """Write messages as episodes and facts as facts, all or nothing; what is known already changes nothing.

    Who may not read is told ids and events, and no text: what an add takes the place of is known, and so may be what an
    extractor made of it. `progress` is told how many of how many messages have been read for facts. Raises
    InvalidInput, MemoryNotFound (for `replaces`), NotAllowed, OwnerRequired, EmbeddingError, StoreError; a failing
    extractor raises nothing.
    """
    added = _added(engine, caller, addition, progress)
    if grants(caller.rights, Right.READ):
        return added
    return replace(added, outcomes=tuple(map(_without_text, added.outcomes)))


def _without_text(outcome: Outcome) -> Outcome:
    return replace(outcome, record=replace(outcome.record, text=""), previous="")


def _added(engine: Engine, caller: Caller, addition: Addition, progress: Progress | None) -> Added:
    _check_size(addition)
    addition = replace(addition, messages=[part for message in addition.messages for part in _parts(message)])
    owner = caller.owner_of(addition.scope)
    caller.require(Right.WRITE, owner)
    reads = addition.infer and not addition.facts and engine.extractor is not None
    gated = _gated(addition)
    vectors = Vectors(engine, _new_texts(engine, _occasion(engine, caller, addition.scope), addition, gated))
    with writing(engine, owner):
        occasion = _occasion(engine, caller, addition.scope)  # the time of the commit: others may have come before
        said = _plan_messages(engine, occasion, addition.messages, read=reads, gated=gated)
        told = _plan_facts(engine, occasion, addition, said)
        changed = _changed(said, told, outdated(engine, occasion, told))
        inserted = commit(
            engine, occasion, inserted=[*said.inserted, *told.inserted], replaced=changed, vectors=vectors
        )
    if reads:
        return _read_now(engine, occasion, said.outcomes, vectors, progress, left_out=len(gated))
    compared = inserted if addition.compared and not addition.facts else [r for r in inserted if r.kind is Kind.FACT]
    return Added(
        outcomes=(*said.outcomes, *told.outcomes),
        related=_related(engine, occasion, compared[:_COMPARED_AT_MOST], vectors),
        uncompared=max(0, len(compared) - _COMPARED_AT_MOST),
        unread=addition.infer and not addition.facts,
        left_out=len(gated),
    )


def _changed(said: Plan, told: Plan, closed: Sequence[MemoryRecord]) -> list[MemoryRecord]:
    """Return every row to change; words that somebody has drawn facts from wait for no extractor."""
    rows = {row.key: row for row in (*told.replaced, *closed)}
    drawn_from = {source for outcome in told.outcomes for source in outcome.record.source_ids}
    for outcome in said.outcomes:
        if outcome.record.state is State.PENDING and outcome.record.id in drawn_from:
            rows[outcome.record.key] = read_already(rows.get(outcome.record.key, outcome.record))
    return list(rows.values())


def _occasion(engine: Engine, caller: Caller, scope: Scope) -> Occasion:
    now = engine.now()
    expires_at = now + engine.session_ttl if scope is Scope.SESSION else None
    return Occasion(caller=caller, owner=caller.owner_of(scope), scope=scope, now=now, expires_at=expires_at)


def _check_size(addition: Addition) -> None:
    for field_name, items in (("messages", addition.messages), ("facts", addition.facts)):
        if len(items) > MAX_BATCH:
            raise InvalidInput(field_name, f"has {len(items):,} items, the most is {MAX_BATCH:,}; send several calls")
    if not addition.messages and not addition.facts:
        raise InvalidInput("content", "is empty, and so are messages and facts; give one of them")


def _parts(message: Message) -> list[Message]:
    """Return a message, or its harmless sentences and its suspect ones as two."""
    return [replace(message, content=part) for part in set_apart(message.content) if part.strip()]


def _gated(addition: Addition) -> frozenset[int]:
    """Return the positions of small talk and of memory's own answers, which are not kept."""
    if addition.facts or not addition.infer:
        return frozenset()
    gated = set()
    answers = False  # whether the message before asks something, to which "Great!" would be an answer
    for number, message in enumerate(addition.messages):
        own = message.content if message.role == "user" else without_recalled(message.content)
        if is_small_talk(own) and not answers:
            gated.add(number)
        answers = message.content.rstrip().endswith(_QUESTION_MARKS)
    return frozenset(gated)


def _new_texts(engine: Engine, occasion: Occasion, addition: Addition, gated: Collection[int]) -> list[str]:
    """Return what is not known yet: a transcript that is sent again costs nothing."""
    session_id = occasion.caller.session_id
    kept = [message for number, message in enumerate(addition.messages) if number not in gated]
    digest_by_text = {message.content: episode_digest(message, session_id=session_id) for message in kept}
    digest_by_text |= {draft.text: fact_digest(draft.text) for draft in addition.facts if not draft.replaces}
    known = {row.digest for row in in_scope(engine, occasion, digests=list(digest_by_text.values()))}
    texts = [text for text, digest in digest_by_text.items() if digest not in known]
    return [*texts, *(draft.text for draft in addition.facts if draft.replaces)]


def _plan_messages(
    engine: Engine, occasion: Occasion, messages: Sequence[Message], *, read: bool, gated: Collection[int]
) -> Plan:
    if not messages:
        return Plan(inserted=(), replaced=(), outcomes=())
    session_id = occasion.caller.session_id
    digests = [episode_digest(message, session_id=session_id) for message in messages]
    known = _known_messages(engine, occasion, messages, digests)
    last = _last_turn(engine, occasion)
    previous, turn = (last.text, last.turn + 1) if last else ("", 0)
    outcomes: list[Outcome] = []
    inserted: list[MemoryRecord] = []
    for number, (message, digest) in enumerate(zip(messages, digests, strict=True)):
        if number in gated:
            row = episode_row(message, occasion, token="", turn=0, previous="")
            outcomes.append(Outcome(record=replace(row, id=""), event=Event.NONE))
            continue
        is_new = digest not in known
        if is_new:
            state = _state_of(message, read=read)
            known[digest] = episode_row(
                message, occasion, token=engine.new_token(), turn=turn + number, previous=previous, state=state
            )
            inserted.append(known[digest])
        event = _EVENT_BY_STATE[known[digest].state] if is_new else Event.NONE
        outcomes.append(Outcome(record=known[digest], event=event))
        if known[digest].state is not State.SUSPECT:
            previous = known[digest].text  # as it is stored, so that forgetting it finds its traces
    return Plan(inserted=tuple(inserted), replaced=(), outcomes=tuple(outcomes))


_EVENT_BY_STATE = {State.READY: Event.ADD, State.PENDING: Event.PENDING, State.SUSPECT: Event.SUSPECT}


def _state_of(message: Message, *, read: bool) -> State:
    """What reads like a command or a credential is kept aside, and shown to no model either."""
    if suspicion(message.content):
        return State.SUSPECT
    return State.PENDING if read and message.role != NOT_READ else State.READY


def _plan_facts(engine: Engine, occasion: Occasion, addition: Addition, said: Plan) -> Plan:
    drafts = addition.facts
    if not drafts:
        return Plan(inserted=(), replaced=(), outcomes=())
    # Evidence is quoted from what was sent, which may be another spelling of what is known.
    episodes = [
        replace(outcome.record, text=message.content)
        for outcome, message in zip(said.outcomes, addition.messages, strict=True)
    ]
    role = "assistant" if occasion.scope is Scope.AGENT else "user"
    proposals = [
        Proposal(
            draft=draft,
            memory_id=memory_id(occasion.owner, engine.new_token()),
            source=source_of(draft, episodes, field=f"facts[{number}]"),
            role=role,
            state=State.SUSPECT if suspicion(draft.text) or suspicion(draft.evidence) else State.READY,
        )
        for number, draft in enumerate(drafts)
    ]
    for number, draft in enumerate(drafts):
        if draft.expires_at is not None and draft.expires_at <= max(occasion.now, draft.valid_from or occasion.now):
            raise InvalidInput(f"facts[{number}].expires_at", "lies before the fact would hold; nothing was stored")
    replaced = {target for draft in drafts for target in draft.replaces}
    digests = [fact_digest(draft.text) for draft in drafts]
    known, versions = versions_of(engine, occasion, digests=digests, ids=replaced)
    return plan_facts(proposals, occasion, known=known, versions=versions)


def _known_messages(
    engine: Engine, occasion: Occasion, messages: Sequence[Message], digests: Sequence[str]
) -> dict[str, MemoryRecord]:
    """Return what was said before and is still current, and of a transcript that is sent again also what is not.

    It is one when the message has its time, or when more than one of these messages is known. A single sentence that
    holds no longer is said anew.
    """
    dated = {digest for message, digest in zip(messages, digests, strict=True) if message.time is not None}
    rows = in_scope(engine, occasion, digests=digests)
    sent_again = len({row.digest for row in rows}) > 1
    known = [row for row in rows if sent_again or row.is_current(occasion.now) or row.digest in dated]
    return {row.digest: row for row in reversed(known)}


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
        current_at=occasion.now,
        states=RECALLED,
    )
    return next(iter(engine.store.find(occasion.owner, where, limit=1)), None)


def _read_now(
    engine: Engine,
    occasion: Occasion,
    said: Sequence[Outcome],
    vectors: Vectors,
    progress: Progress | None,
    *,
    left_out: int,
) -> Added:
    """Wait a little for what was said to be read for facts."""
    mine = {outcome.record.id for outcome in said if outcome.record.state is State.PENDING and outcome.record.id}
    awaited = await_reading(engine, occasion.owner, mine, progress) if mine else Awaited(waiting=set(), mine=())
    told = [outcome for outcome in said if outcome.record.id not in mine]
    told += [replace(outcome, event=Event.PENDING) for outcome in said if outcome.record.id in awaited.waiting]
    facts = [outcome.record for outcome in awaited.outcomes]
    conflicts = tuple(awaited.conflicts)
    given_up = any(o.record.attempts >= MOST_ATTEMPTS for o in told if o.event is Event.PENDING)
    return Added(
        outcomes=(*told, *awaited.outcomes),
        related=_related(engine, occasion, facts, vectors, among=conflicts) if conflicts else (),
        conflicting=bool(conflicts),
        read=len(mine) - len(awaited.waiting),
        pending=len(awaited.waiting),
        problem=awaited.problem or (_GIVEN_UP if given_up else ""),
        left_out=left_out,
    )


def _related(
    engine: Engine,
    occasion: Occasion,
    compared: Sequence[MemoryRecord],
    vectors: Vectors,
    *,
    among: tuple[str, ...] | None = None,
) -> tuple[Hit, ...]:
    """Return current memories close to the new rows, best first; of new rows close to each other, both.

    `among`: these memories, however close they are.

    The rows are stored already: when this fails, it is the hint that is missing and not the memory.
    """
    if not grants(occasion.caller.rights, Right.READ):
        return ()
    where = Filter(visible=occasion.visible, current_at=occasion.now, states=RECALLED, ids=among)
    least = _RELATED_LEAST_SCORE if among is None else 0.0
    looks = [
        looks_like(
            record.text,
            vectors[record.text],
            limit=_RELATED_PER_ITEM,
            without=frozenset({record.id, *record.source_ids}),
        )
        for record in compared
    ]
    best: dict[str, Hit] = {}
    try:
        ranked = rank(engine, [(occasion.owner, where)], looks, BY_LIKENESS) if looks else []
    except StoreError as error:
        logger.warning("related memories could not be looked up: %s", error)
        return ()
    for hit in [hit for hits in ranked for hit in hits if hit.score >= least]:
        known = best.get(hit.record.id)
        if known is None or known.score < hit.score:
            best[hit.record.id] = hit
    return tuple(sorted(best.values(), key=lambda hit: -hit.score)[:_RELATED_AT_MOST])
