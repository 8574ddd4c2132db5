"""What a caller learns, for as long as it waits, of its words being read for facts."""

import logging
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from queue import Empty, SimpleQueue

from scrubjay.errors import EmbeddingError, StoreError
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.extracting import MOST_ATTEMPTS, Read, extract_pending
from scrubjay.progress import Progress
from scrubjay.remembering.plan import Outcome
from scrubjay.types import PENDING, Event, Filter, MemoryRecord, Owner, State

logger = logging.getLogger(__name__)

_LOOK_AGAIN_S = 0.25


@dataclass
class Awaited:
    """The reading of a few pending episodes, as far as it is known: which still wait, and what became of the others."""

    waiting: set[str]
    mine: Collection[str]
    outcomes: list[Outcome] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    problem: str = ""

    def note(self, read: Read) -> None:
        """Take in what a reader tells, as far as it is about these episodes."""
        ids = self.waiting.intersection(read.episode_ids)
        if read.problem and (ids or not read.episode_ids):
            self.problem = read.problem
        if not read.problem:
            self.waiting -= ids
            own = [one for one in read.outcomes if not set(self.mine).isdisjoint(one.record.source_ids)]
            self.outcomes += own
            self.conflicts += read.conflicts if own else ()


class _End(Enum):
    """How a reading in the background ends."""

    DONE = "done"
    READ_BY_OTHERS = "somebody else is reading"


def await_reading(engine: Engine, owner: Owner, ids: Collection[str], progress: Progress | None) -> Awaited:
    """Have an owner's pending episodes read in the background, and return what is known of these when time is up."""
    awaited = Awaited(waiting=set(ids), mine=ids)
    told: SimpleQueue[Read | _End] = SimpleQueue()
    wait_s = engine.reading.wait_s if engine.reading else 0
    until = time.monotonic() + wait_s
    if not _begin(engine, owner, told):
        return awaited
    end: Read | _End | None = None
    while awaited.waiting and end is not _End.DONE and (left_s := until - time.monotonic()) > 0:
        before = len(awaited.waiting)
        if end is _End.READ_BY_OTHERS:
            time.sleep(min(left_s, _LOOK_AGAIN_S))
            _catch_up(engine, owner, awaited)
            end = None if _begin(engine, owner, told) else _End.DONE  # who was reading may have gone
        else:
            with suppress(Empty):
                news = told.get(timeout=left_s)
                if isinstance(news, Read):
                    awaited.note(news)
                else:
                    end = news
        if progress is not None and len(awaited.waiting) < before:
            progress(len(ids) - len(awaited.waiting), len(ids))
    _catch_up(engine, owner, awaited)
    if awaited.waiting and not awaited.problem and end is not _End.DONE:
        awaited.problem = f"reading them takes longer than {wait_s:g} s"
    return awaited


def begin_reading(engine: Engine, owner: Owner) -> None:
    """Have an owner's pending episodes read in the background, and wait for nothing."""
    _begin(engine, owner, SimpleQueue())


def _begin(engine: Engine, owner: Owner, told: "SimpleQueue[Read | _End]") -> bool:
    """Begin to read in the background; False when there is nobody, or no background any more."""
    if engine.reading is None:
        return False
    try:
        engine.reading.background.submit(_in_background, engine, owner, told)
    except RuntimeError:  # closed meanwhile
        return False
    return True


def _in_background(engine: Engine, owner: Owner, told: "SimpleQueue[Read | _End]") -> None:
    end = _End.DONE
    try:
        if not extract_pending(engine, owner, most_attempts=MOST_ATTEMPTS, told=told.put):
            end = _End.READ_BY_OTHERS
    except (StoreError, EmbeddingError) as error:
        logger.warning("what was said is read for facts later: %s", error)
        told.put(Read(episode_ids=(), problem=str(error)))
    finally:
        told.put(end)


def _catch_up(engine: Engine, owner: Owner, awaited: Awaited) -> None:
    """Learn of episodes that somebody else has read: another call, or another process."""
    if not awaited.waiting:
        return
    ids = tuple(awaited.waiting)
    pending = {row.id for row in engine.store.find(owner, replace(PENDING, ids=ids))}
    by_others = tuple(awaited.waiting - pending)
    awaited.waiting = pending
    if by_others:
        rows = engine.store.find(owner, Filter(rests_on=by_others, current_at=engine.now()))
        awaited.outcomes += [Outcome(record=row, event=_event_of(row)) for row in rows[::-1]]


def _event_of(row: MemoryRecord) -> Event:
    if row.state is State.SUSPECT:
        return Event.SUSPECT
    return Event.ADD if row.version == 1 else Event.UPDATE
