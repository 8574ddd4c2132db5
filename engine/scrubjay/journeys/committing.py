"""What adding and extracting share: what is known about the same things, and one commit under the owner's lock."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from scrubjay.journeys.engine import Engine, is_memory_id
from scrubjay.remembering.plan import Plan, outdated_episodes
from scrubjay.remembering.rows import Occasion
from scrubjay.types import Filter, Kind, MemoryRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TICK = timedelta(microseconds=1)
"""By which the rows of one commit follow each other, so that listings keep their order."""


class Vectors(dict[str, "NDArray[np.float32]"]):
    """Vectors by text, made before the lock is taken; one that is missing then is made when it is asked for."""

    def __init__(self, engine: Engine, texts: Iterable[str] = ()) -> None:
        super().__init__()
        self._engine = engine
        wanted = list(dict.fromkeys(text for text in texts if text.strip()))
        if wanted:
            self.update(zip(wanted, engine.embedder.embed_documents(wanted), strict=True))

    def __missing__(self, text: str) -> "NDArray[np.float32]":
        vector: NDArray[np.float32] = self._engine.embedder.embed_documents([text])[0]
        self[text] = vector
        return vector


def in_scope(engine: Engine, occasion: Occasion, *, digests: Sequence[str]) -> list[MemoryRecord]:
    """Return the rows, current and past, in the scope of an add that say one of these things."""
    where = Filter(visible=occasion.visible, digests=tuple(digests), alive_at=occasion.now)
    return engine.store.find(occasion.owner, where) if digests else []


def versions_of(
    engine: Engine, occasion: Occasion, *, digests: Sequence[str], ids: Collection[str]
) -> tuple[list[MemoryRecord], list[MemoryRecord]]:
    """Return what a plan needs: rows that say these things, and every version of those and of these memories."""
    known = in_scope(engine, occasion, digests=digests)
    wanted = tuple({memory_id for memory_id in ids if is_memory_id(memory_id)} | {record.id for record in known})
    return known, engine.store.find(occasion.owner, Filter(ids=wanted, visible=occasion.visible)) if wanted else []


def outdated(engine: Engine, occasion: Occasion, told: Plan) -> list[MemoryRecord]:
    """Return the episodes to close together with the facts that a plan closes, which nothing true rests on any more."""
    closed = [row for row in told.replaced if row.key not in told.refined]
    sources = tuple(dict.fromkeys(source for record in closed for source in record.source_ids))
    if not sources:
        return []
    episodes = engine.store.find(occasion.owner, Filter(ids=sources, kind=Kind.EPISODE))
    untouched = [episode for episode in episodes if episode.key not in {record.key for record in closed}]
    resting = [*engine.store.find(occasion.owner, Filter(rests_on=sources)), *told.inserted]
    return outdated_episodes(closed, untouched, resting, now=occasion.now)


def commit(
    engine: Engine,
    occasion: Occasion,
    *,
    inserted: Sequence[MemoryRecord],
    replaced: Sequence[MemoryRecord],
    vectors: Vectors,
) -> list[MemoryRecord]:
    """Write rows at once, and return the inserted ones as they were written: in order of time.

    With nothing to write it is still made sure that what is known is on the disk.
    """
    import numpy as np

    rows = _in_order(inserted, occasion.now)
    shape = (len(rows), engine.embedder.dimension)
    stacked = np.array([vectors[record.text] for record in rows], dtype=np.float32).reshape(shape)
    engine.store.write(occasion.owner, inserted=rows, vectors=stacked, replaced=replaced)
    return rows


def _in_order(records: Sequence[MemoryRecord], now: datetime) -> list[MemoryRecord]:
    return [replace(record, recorded_at=now + number * TICK) for number, record in enumerate(records)]
