"""extract: pending episodes are read for facts, each once, whoever gets to it first.

The episodes are on the disk before anybody reads them. One reader per owner at a time, across processes (the owner's
second lock), reads a few, asks the model without holding anybody up, and commits the facts together with the episodes'
new state. Whoever is killed before that commit has changed nothing.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scrubjay.errors import (
    EmbeddingError,
    ExtractionError,
    ExtractionTimeout,
    ExtractorUnavailable,
    StoreError,
)
from scrubjay.journeys.asking import Shown, ask, look
from scrubjay.journeys.committing import Vectors, commit, outdated, versions_of
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.listing import version_that_holds
from scrubjay.journeys.writing import writing
from scrubjay.ports import Work
from scrubjay.readings import ExtractedFact
from scrubjay.remembering.plan import Outcome, Plan, Proposal, plan_facts, trust
from scrubjay.remembering.reconcile import Known, can_be_fact, reconcile
from scrubjay.remembering.rows import Occasion, fact_digest, memory_id, occasion_of
from scrubjay.remembering.windows import (
    first_batch,
    groups_of,
)
from scrubjay.types import PENDING, Event, Filter, Kind, MemoryRecord, Owner, State

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 20
"""How often words that cannot be read are tried by themselves; `extract --pending` tries again all the same."""

_FAILURES_IN_A_ROW = 3  # with no success between them, it is not the words
_MOST_ITEMS = 200
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Some episodes that have been read: what became of their facts, and known memories that these contradict.

    `problem`: why they have not been read ("" when they have); without any episode, why nothing can be read now.
    """

    episode_ids: tuple[str, ...]
    outcomes: tuple[Outcome, ...] = ()
    conflicts: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a run has done: episodes read, facts stored or changed, episodes still pending, and the first problem."""

    read: int
    facts: int
    pending: int
    problem: str = ""


def extract_everything(
    engine: Engine,
    *,
    whose: Callable[[Owner], bool] | None = None,
    most_attempts: int | None = MOST_ATTEMPTS,
    wait_s: float = 0,
) -> Tally:
    """Read what is pending, now, in this thread: of the owners for whom `whose` holds.

    `whose` None: of everybody in the engine's tenant. `most_attempts` None: whatever has failed before. `wait_s`: how
    long to wait for somebody who reads already. Nothing is raised for one owner's trouble: the others are read; but not
    after three in a row for whom the service failed.
    """
    is_meant = whose or (lambda owner: owner.tenant == engine.tenant)
    owners = [owner for owner in engine.store.owners_with(Work.PENDING, now=engine.now()) if is_meant(owner)]
    reads: list[Read] = []
    in_vain = 0
    for owner in owners:
        told: list[Read] = []
        try:
            extract_pending(engine, owner, most_attempts=most_attempts, wait_s=wait_s, told=told.append)
        except (StoreError, EmbeddingError) as error:
            logger.warning("an owner's pending messages are read later: %s", error)
            told.append(Read(episode_ids=(), problem=str(error)))
        reads += told
        in_vain = in_vain + 1 if told and all(read.problem for read in told) else 0
        if in_vain == _FAILURES_IN_A_ROW:
            break
    now = engine.now()
    done = [read for read in reads if not read.problem]
    return Tally(
        read=sum(len(read.episode_ids) for read in done),
        facts=sum(outcome.event is not Event.NONE for read in done for outcome in read.outcomes),
        pending=sum(engine.store.count(owner, replace(PENDING, alive_at=now)) for owner in owners),
        problem=next((read.problem for read in reads if read.problem), ""),
    )


def extract_pending(
    engine: Engine, owner: Owner, *, most_attempts: int | None, told: Callable[[Read], None], wait_s: float = 0
) -> bool:
    """Read an owner's pending episodes until none is left that may be read, and tell of each batch.

    Returns False when somebody else is reading them, who looks again before leaving, unless the service fails or the
    process ends: who waits for these asks again. When nothing can be read at all, that is told without episodes, and
    ends it. Raises StoreError, EmbeddingError.
    """
    run = _Run(engine, owner, most_attempts, told)
    while run.next_batch():
        with engine.store.extracting(owner, wait_s=wait_s) as is_held:
            if not is_held:
                return False
            while run.goes_on and (batch := run.next_batch()):
                run.read(batch)
        if not run.goes_on:
            break  # else once more: who came while the lock was held has left
    return True


class _Run:
    """One reader's way through an owner's pending episodes."""

    def __init__(self, engine: Engine, owner: Owner, most_attempts: int | None, told: Callable[[Read], None]) -> None:
        self.goes_on = engine.extractor is not None
        self._engine = engine
        self._owner = owner
        self._most_attempts = most_attempts
        self._told = told
        self._failed: set[str] = set()
        self._in_vain = 0

    def next_batch(self) -> list[MemoryRecord]:
        """Return the episodes to read next; each that fails by itself is tried once."""
        if not self.goes_on:
            return []
        waiting = self._engine.store.find(self._owner, replace(PENDING, alive_at=self._engine.now()))
        most = self._most_attempts
        left = [row for row in waiting if row.id not in self._failed and (most is None or row.attempts < most)]
        return first_batch(left, count_tokens=self._engine.count_tokens)

    def read(self, batch: Sequence[MemoryRecord]) -> None:
        """Read a batch and tell of it; what fails is noted, and after a few failures in a row this ends."""
        try:
            done = _read(self._engine, self._owner, batch)
        except (StoreError, EmbeddingError):
            raise
        except ExtractionTimeout as error:
            self._fail(batch, error)
        except ExtractorUnavailable as error:
            logger.info("nothing can be read for facts now: %s", error)
            self.goes_on = False
            self._told(Read(episode_ids=(), problem=str(error)))
        except ExtractionError as error:
            self._fail(batch, error)
        except Exception as error:
            logger.exception("%d messages could not be read for facts", len(batch))
            self._fail(batch, ExtractionError(f"reading them failed inside ({type(error).__name__})"))
        else:
            self._in_vain = 0
            self._told(done)

    def _fail(self, batch: Sequence[MemoryRecord], error: ExtractionError) -> None:
        logger.info("%d messages could not be read for facts: %s", len(batch), error)
        if len(batch) == 1 or isinstance(error, ExtractionTimeout):
            self._failed |= {row.id for row in batch}
        engine, owner = self._engine, self._owner
        with writing(engine, owner):
            occasion = occasion_of(batch[0], owner, now=engine.now(), extractor="")
            rows = engine.store.find(owner, replace(PENDING, ids=tuple(row.id for row in batch)))
            tried = [replace(row, attempts=row.attempts + 1) for row in rows]
            commit(engine, occasion, inserted=(), replaced=tried, vectors=Vectors(engine))
        self._in_vain += 1
        self.goes_on = self._in_vain < _FAILURES_IN_A_ROW
        self._told(Read(episode_ids=tuple(row.id for row in batch), problem=str(error)))


def _read(engine: Engine, owner: Owner, batch: Sequence[MemoryRecord]) -> Read:
    """Read one batch and commit it; anew, if something that the model was shown is forgotten or corrected meanwhile."""
    reading, extractor = engine.reading, engine.extractor
    assert reading is not None  # noqa: S101 - for the type checker: a run goes on only with an extractor
    assert extractor is not None  # noqa: S101
    for tries_left in reversed(range(_TRIES)):
        shown = look(engine, owner, batch)
        items: list[ExtractedFact] = []
        for group in groups_of(shown.passages, count_tokens=engine.count_tokens):
            ask(extractor, shown, group, time.monotonic() + reading.timeout_s, items)
        del items[_MOST_ITEMS:]
        vectors = Vectors(engine, [item.text for item in items if can_be_fact(item.text)])
        with writing(engine, owner):
            fresh = _unforgotten(engine, owner, batch, shown, may_differ=not tries_left)
            done = fresh and _commit(engine, owner, extractor.name, batch, shown, fresh, items, vectors)
        if done:
            return done
        batch = engine.store.find(owner, replace(PENDING, ids=tuple(row.id for row in batch)))
        batch.sort(key=lambda row: row.recorded_at)
        if not batch:
            return Read(episode_ids=())
    raise ExtractionError("what is known kept changing while it was read")


def _unforgotten(
    engine: Engine, owner: Owner, batch: Sequence[MemoryRecord], shown: Shown, *, may_differ: bool
) -> dict[str, list[MemoryRecord]] | None:
    """Return every version of what the model was shown as it stands now, newest first, by id.

    None when a version of it has been forgotten or corrected meanwhile, or (unless it `may_differ`) replaced: then
    nothing of the answer is kept, since it may hold the forgotten words.
    """
    records = [*batch, *shown.records]
    rows = engine.store.find(owner, Filter(ids=tuple({record.id for record in records})))
    by_key = {row.key: row for row in rows}
    for record in records:
        now = by_key.get(record.key)
        if now is None or (now.valid_to != record.valid_to and (not may_differ or now.valid_to == now.valid_from)):
            return None
    by_id: dict[str, list[MemoryRecord]] = {}
    for row in sorted(rows, key=lambda row: -row.version):
        by_id.setdefault(row.id, []).append(row)
    return by_id


def _commit(
    engine: Engine,
    owner: Owner,
    extractor_name: str,
    batch: Sequence[MemoryRecord],
    shown: Shown,
    by_id: Mapping[str, list[MemoryRecord]],
    items: Sequence[ExtractedFact],
    vectors: Vectors,
) -> Read:
    """Write the facts and that the batch is read, at once, under the owner's lock."""
    now = engine.now()
    episodes = [by_id[row.id][0] for row in batch if by_id[row.id][0].state is State.PENDING]
    occasion = occasion_of(batch[0], owner, now=now, extractor=extractor_name)
    pending = {row.id: row for row in episodes}
    passages = [
        replace(passage, text=passage.text if passage.episode.id in pending else "") for passage in shown.passages
    ]
    known = _known(engine, owner, shown.known, by_id, now)
    judged = reconcile(
        items, passages, known, scope=occasion.scope, new_id=lambda: memory_id(owner, engine.new_token())
    )
    if judged.dropped:
        logger.info("%d of %d facts that the extractor proposed were dropped", judged.dropped, len(items))
    told = _planned(engine, occasion, judged.proposals)
    read = {row.key: row for row in episodes}
    changed = {row.key: row for row in (*told.replaced, *outdated(engine, occasion, told))}
    changed |= {key: replace(changed.get(key, row), state=State.READY) for key, row in read.items()}
    commit(engine, occasion, inserted=told.inserted, replaced=list(changed.values()), vectors=vectors)
    return Read(episode_ids=tuple(pending), outcomes=told.outcomes, conflicts=judged.conflicts)


def _planned(engine: Engine, occasion: Occasion, proposals: Sequence[Proposal]) -> Plan:
    if not proposals:
        return Plan(inserted=(), replaced=(), outcomes=())
    digests = [fact_digest(proposal.draft.text) for proposal in proposals]
    targets = {i for proposal in proposals for i in (*proposal.draft.replaces, proposal.refines) if i}
    known, versions = versions_of(engine, occasion, digests=digests, ids=targets)
    return plan_facts(proposals, occasion, known=known, versions=versions)


def _known(
    engine: Engine,
    owner: Owner,
    shown: Sequence[MemoryRecord],
    by_id: Mapping[str, list[MemoryRecord]],
    now: datetime,
) -> list[Known]:
    """Return what is known as it stands now, and when it, or what it is going to be, was said last."""
    standing = {record.id: [row for row in by_id[record.id] if row.is_current(now)] for record in shown}
    rows = [row for record in shown for row in (record, *standing[record.id])]
    sources = tuple({source for row in rows for source in row.source_ids})
    words = engine.store.find(owner, Filter(ids=sources, kind=Kind.EPISODE)) if sources else []
    said_at = {row.id: row.valid_from for row in words}
    return [
        Known(
            record=record,
            said_at=max(_said_at(row, by_id[record.id], said_at) for row in (record, *standing[record.id])),
            role=max((row.role or "user" for row in (record, *standing[record.id])), key=trust),
            is_open=record.is_current(now) and version_that_holds(by_id[record.id], now).key == record.key,
        )
        for record in shown
    ]


def _said_at(row: MemoryRecord, versions: Sequence[MemoryRecord], said_at: Mapping[str, datetime]) -> datetime:
    """Return when a version was said last: stated by itself, or corrected, whatever the dates it tells of."""
    times = [said_at[source] for source in row.source_ids if source in said_at]
    return row.recorded_at if not times or _is_correction(row, versions) else max(times)


def _is_correction(record: MemoryRecord, versions: Sequence[MemoryRecord]) -> bool:
    """Whether a version corrects the one before it: by hand, with no new words to rest on."""
    return any(
        row.version == record.version - 1 and row.source_ids == record.source_ids and row.valid_to == row.valid_from
        for row in versions
    )
