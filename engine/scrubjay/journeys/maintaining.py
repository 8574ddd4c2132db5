"""What is done for every owner without being asked: finishing what a kill interrupted, forgetting what has expired."""

import logging
import threading

from scrubjay.errors import ScrubjayError, StoreError
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.forgetting import forget_expired
from scrubjay.journeys.writing import finish_erasure
from scrubjay.ports import Work
from scrubjay.types import Owner

logger = logging.getLogger(__name__)

_PAUSE_S = 60.0


def maintain(engine: Engine) -> int:
    """Do what waits to be done and return for how many owners; cheap when there is nothing.

    What fails is logged, and tried again the next time.
    """
    done = 0
    for work, do in ((Work.UNFINISHED, finish_erasure), (Work.EXPIRED, forget_expired)):
        for owner in _waiting(engine, work):
            try:
                do(engine, owner)
                engine.store.maintain(owner)
            except StoreError as error:
                logger.warning("maintenance is put off: %s", error)
            else:
                done += 1
    return done


def _waiting(engine: Engine, work: Work) -> list[Owner]:
    try:
        return engine.store.owners_with(work, now=engine.now())
    except StoreError as error:
        logger.warning("maintenance is put off: %s", error)
        return []


class Maintenance:
    """A thread that does so at once and every minute; other processes may as well, one at a time for each owner."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scrubjay-maintenance", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, when what is under way is done."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                maintain(self._engine)
            except ScrubjayError as error:
                logger.warning("maintenance is put off: %s", error)
            self._stopping.wait(_PAUSE_S)
