"""survey: how what is remembered about a person came together: when each memory came, from whom, and what ended."""

from dataclasses import dataclass
from datetime import datetime

from scrubjay.journeys.engine import Engine
from scrubjay.journeys.exporting import rows_of
from scrubjay.journeys.searching import RECALLED
from scrubjay.rights import Right
from scrubjay.types import Caller, Filter, Scope, Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Of one memory: when it was first recorded, since when nothing of it holds any more (None: it holds), from whom.

    `changes`: how many versions came after the first. `origin`: the client or importer of the first.
    """

    since: datetime
    until: datetime | None
    origin: str
    changes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The memories that lists show, current or not, oldest first, and how many rows belong to single sessions."""

    lives: tuple[Life, ...]
    session_rows: int


def survey(engine: Engine, caller: Caller) -> Survey:
    """Return how the person's memories came together; reads all of them, some hundreds at a time.

    Raises NotAllowed, InvalidInput when the caller is no person, StoreError.
    """
    caller.require(Right.READ)
    owner, now = caller.owner_of(Scope.USER), engine.now()
    of_person = Visibility(scopes=frozenset({Scope.USER}))
    lives: dict[str, Life] = {}
    where = Filter(visible=of_person, states=RECALLED, unclaimed=True, alive_at=now)
    for row in rows_of(engine, owner, where):  # newest first: what a memory becomes last is seen before how it began
        later = lives.get(row.id)
        until = row.valid_to if later is None else _later(later.until, row.valid_to)
        changes = 0 if later is None else later.changes + 1
        lives[row.id] = Life(since=row.recorded_at, until=until, origin=row.origin, changes=changes)
    everything = engine.store.count(owner, Filter(alive_at=now))
    persons = engine.store.count(owner, Filter(visible=of_person, alive_at=now))
    return Survey(
        lives=tuple(sorted(lives.values(), key=lambda life: life.since)), session_rows=max(everything - persons, 0)
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)
