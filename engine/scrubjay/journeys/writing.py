"""How a journey begins to write: alone, and after what a kill interrupted is finished."""

from collections.abc import Iterator
from contextlib import contextmanager

from scrubjay.journeys.engine import Engine
from scrubjay.remembering.cascade import bereft
from scrubjay.types import Filter, Owner


@contextmanager
def writing(engine: Engine, owner: Owner) -> Iterator[None]:
    """Hold the owner's lock; nothing is there any more that was begun to be erased. Raises StoreError.

    Otherwise what is written now would be compared with rows that are on their way out, and go with them.
    """
    with engine.store.exclusive(owner):
        finish_erasure(engine, owner)
        yield


def finish_erasure(engine: Engine, owner: Owner) -> None:
    """Erase what was begun to be erased and is not done: whoever was at it was killed. Raises StoreError."""
    with engine.store.exclusive(owner):
        unfinished = engine.store.unfinished(owner)
        if unfinished is not None:
            rows = [] if unfinished.everything else engine.store.find(owner, Filter())
            engine.store.erase(owner, unfinished, at=engine.now(), rewritten=bereft(rows, unfinished))
