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
    AnswerTooLong,
    EmbeddingError,
    ExtractionError,
    ExtractionTimeout,
    ExtractorUnavailable,
    StoreError,
)
from scrubjay.journeys.committing import TICK, Vectors, commit, outdated, versions_of
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.listing import version_that_holds
from scrubjay.journeys.searching import RECALLED, Wanted, rank
from scrubjay.ports import Extractor
from scrubjay.readings import ExtractedFact, Window
from scrubjay.remembering.plan import Outcome, Plan, Proposal, plan_facts
from scrubjay.remembering.reconcile import Known, can_be_fact, reconcile
from scrubjay.remembering.rows import Occasion, fact_digest, memory_id, occasion_of
from scrubjay.remembering.windows import (
    Passage,
    bare,
    first_batch,
    groups_of,
    halves,
    message_of,
    passages_of,
    sentences,
)
from scrubjay.texts import one_line
from scrubjay.types import PENDING, Caller, Event, Filter, Kind, MemoryRecord, Message, Owner, Position, State

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 20
"""How often words that cannot be read are tried by themselves; `extract --pending` tries again all the same."""

_FAILURES_IN_A_ROW = 3  # with no success between them, it is not the words
_CONTEXT_MESSAGES = 6
_NEIGHBOURS, _NEIGHBOURS_PER_SENTENCE = 8, 2
_MOST_SENTENCES, _MOST_KNOWN = 24, 30
_WHOLE_CHARS = 2_000  # of a window, to find its neighbours by: the embedding model reads no more at once
NOT_READ = "system"
"""The role whose words are the application's, and nobody's memory: no extractor is shown them."""

_CONTEXT_CHARS = 500
_MOST_LINES = 500  # of a message, compared with what is known word for word
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
    engine: Engine, *, caller: Caller | None = None, most_attempts: int | None = MOST_ATTEMPTS, wait_s: float = 0
) -> Tally:
    """Read what is pending, now, in this thread: of a caller's own tables, or (None) of every owner of the tenant.

    `most_attempts` None: whatever has failed before. `wait_s`: how long to wait for somebody who reads already. Nothing
    is raised for one owner's trouble: the others are read; but not after three in a row for whom the service failed.
    """
    own = None if caller is None else set(caller.owners())
    owners = [owner for owner in engine.store.owners_with_pending() if owner.tenant == engine.tenant]
    owners = [owner for owner in owners if own is None or owner in own]
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

    Returns False when somebody else is reading them, who will see all that has been written by now. When nothing can
    be read at all, that is told without episodes, and ends it. Raises StoreError, EmbeddingError.
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
        with engine.store.exclusive(owner):
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
        shown = _look(engine, owner, batch)
        items: list[ExtractedFact] = []
        for group in groups_of(shown.passages, count_tokens=engine.count_tokens):
            _ask(extractor, shown, group, time.monotonic() + reading.timeout_s, items)
        del items[_MOST_ITEMS:]
        vectors = Vectors(engine, [item.text for item in items if can_be_fact(item.text)])
        with engine.store.exclusive(owner):
            fresh = _unforgotten(engine, owner, batch, shown, may_differ=not tries_left)
            done = fresh and _commit(engine, owner, extractor.name, batch, shown, fresh, items, vectors)
        if done:
            return done
        batch = engine.store.find(owner, replace(PENDING, ids=tuple(row.id for row in batch)))
        batch.sort(key=lambda row: row.recorded_at)
        if not batch:
            return Read(episode_ids=())
    raise ExtractionError("what is known kept changing while it was read")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What the model gets to see of the store."""

    passages: Sequence[Passage]
    context: Sequence[MemoryRecord]
    known: Sequence[MemoryRecord]

    @property
    def records(self) -> list[MemoryRecord]:
        return [*(passage.episode for passage in self.passages), *self.context, *self.known]

    def window(self, numbers: Sequence[int]) -> Window:
        passages = [self.passages[number] for number in numbers]
        before = [message_of(record) for record in self.context]
        before += [passage.message for passage in self.passages[: numbers[0]]]
        return Window(
            messages=tuple(passage.message for passage in passages),
            context=tuple(_clipped(message) for message in before[-_CONTEXT_MESSAGES:]),
            known=tuple(self.known),
            observed_at=passages[-1].episode.valid_from,
            scope=passages[-1].episode.scope,
        )


def _clipped(message: Message) -> Message:
    return replace(message, content=one_line(message.content, longest=_CONTEXT_CHARS))


def _look(engine: Engine, owner: Owner, batch: Sequence[MemoryRecord]) -> _Shown:
    occasion = occasion_of(batch[0], owner, now=engine.now(), extractor="")
    quoted = [bare(line) for row in batch for line in row.text.splitlines()[:_MOST_LINES]]
    digests = tuple({fact_digest(line) for line in quoted if line})
    where = Filter(visible=occasion.visible, current_at=occasion.now, kind=Kind.FACT, states=frozenset({State.READY}))
    remembered = engine.store.find(owner, replace(where, digests=digests)) if digests else []
    passages = passages_of(batch, known_texts=[r.text for r in remembered], count_tokens=engine.count_tokens)
    known = _neighbours(engine, owner, where, passages)
    return _Shown(passages=passages, context=_context(engine, owner, occasion, batch[0]), known=known)


def _neighbours(engine: Engine, owner: Owner, where: Filter, passages: Sequence[Passage]) -> list[MemoryRecord]:
    """Return known facts close to the whole and to each of its sentences: what may be restated or replaced."""
    if not passages or not engine.store.count(owner, where):
        return []
    parts = [part for passage in passages for part in sentences(passage.text)]
    whole = " ".join(parts)[:_WHOLE_CHARS]
    texts = [whole, *dict.fromkeys(parts[:_MOST_SENTENCES])]
    vectors = engine.embedder.embed_documents(texts)
    limits = [_NEIGHBOURS, *[_NEIGHBOURS_PER_SENTENCE] * (len(texts) - 1)]
    wanted = [
        Wanted(text=text, vector=vector, limit=limit)
        for text, vector, limit in zip(texts, vectors, limits, strict=True)
    ]
    found: dict[str, MemoryRecord] = {}
    for hits in rank(engine, owner, where, wanted):
        for hit in hits:
            found.setdefault(hit.record.id, hit.record)
    return list(found.values())[:_MOST_KNOWN]


def _context(engine: Engine, owner: Owner, occasion: Occasion, first: MemoryRecord) -> list[MemoryRecord]:
    """Return what was said just before, oldest first: in the same session, else in the same call."""
    where = Filter(
        visible=occasion.visible,
        session_id=first.session_id,
        written_by=first.written_by,
        kind=Kind.EPISODE,
        current_at=occasion.now,
        states=RECALLED,
    )
    before = Position(recorded_at=first.recorded_at, id=first.id, version=first.version)
    found = engine.store.find(owner, where, limit=_CONTEXT_MESSAGES, after=before)
    found = [row for row in found if row.role != NOT_READ]
    if not first.session_id:  # the rows of one call follow each other by a microsecond
        found = [row for row in found if row.recorded_at >= first.recorded_at - first.turn * TICK]
    return found[::-1]


def _ask(extractor: Extractor, shown: _Shown, numbers: Sequence[int], until: float, found: list[ExtractedFact]) -> None:
    """Find the facts in these passages; too long an answer has them read in two parts, by the same deadline."""
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise ExtractionTimeout("the model's answers were cut off until time was up")
    try:
        items = extractor.extract(shown.window(numbers), timeout_s=left_s)
    except AnswerTooLong:
        if len(numbers) == 1:
            _ask_in_pieces(extractor, shown, numbers[0], until, found)
        else:
            middle = len(numbers) // 2
            _ask(extractor, shown, numbers[:middle], until, found)
            _ask(extractor, shown, numbers[middle:], until, found)
        return
    known, base = len(shown.known), len(found)
    for item in items:
        source = numbers[item.source] if 0 <= item.source < len(numbers) else -1
        targets = tuple(target + base if target >= known else target for target in item.targets)
        found.append(replace(item, source=source, targets=targets))


def _ask_in_pieces(extractor: Extractor, shown: _Shown, number: int, until: float, found: list[ExtractedFact]) -> None:
    passage = shown.passages[number]
    parts = halves(passage.text)
    if len(parts) == 1:
        raise AnswerTooLong("the model's answer about a few words was cut off")
    for part in parts:
        base = len(found)
        _ask(extractor, replace(shown, passages=[replace(passage, text=part)]), [0], until, found)
        found[base:] = [replace(item, source=number if item.source == 0 else -1) for item in found[base:]]


def _unforgotten(
    engine: Engine, owner: Owner, batch: Sequence[MemoryRecord], shown: _Shown, *, may_differ: bool
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
    shown: _Shown,
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
    """Return what is known as it stands now, with the moment of the last words that say it."""
    sources = tuple({source for record in shown for source in record.source_ids})
    rows = engine.store.find(owner, Filter(ids=sources, kind=Kind.EPISODE)) if sources else []
    said_at = {row.id: row.valid_from for row in rows}
    known = []
    for record in shown:
        holds = version_that_holds(by_id[record.id], now)
        times = [said_at[source] for source in record.source_ids if source in said_at]
        if not times or _is_correction(record, by_id[record.id]):
            times.append(record.recorded_at)  # stated by itself, or corrected, whatever the dates it tells of
        known.append(
            Known(
                record=record,
                said_at=max(times),
                is_open=holds.key == record.key and holds.is_current(now),
            )
        )
    return known


def _is_correction(record: MemoryRecord, versions: Sequence[MemoryRecord]) -> bool:
    """Whether a version corrects the one before it: by hand, with no new words to rest on."""
    return any(
        row.version == record.version - 1 and row.source_ids == record.source_ids and row.valid_to == row.valid_from
        for row in versions
    )
