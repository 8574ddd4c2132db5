"""What the journeys work with: the ports, a clock, randomness, and settings."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from scrubjay.errors import MemoryNotFound
from scrubjay.ports import Embedder, Extractor, MemoryStore
from scrubjay.recall.weights import Ranking
from scrubjay.rights import Right
from scrubjay.types import PREFIX_CHARS, Caller, Filter, Owner

T = TypeVar("T")

_ID_CHARS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How what was said is read for facts. `extractor` is asked when there is something to read; None: nobody reads.

    `timeout_s`: for reading one window, every try included. `wait_s`: how long an add waits for it; the rest goes on
    in `background`. `end`: ends what is being read, for good; it stays pending, and who waits for it waits no more.
    """

    extractor: Callable[[], Extractor | None]
    background: Executor
    end: Callable[[], None] = lambda: None
    timeout_s: float = 30
    wait_s: float = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The parts of one running Scrubjay, built once and shared by every call and thread."""

    store: MemoryStore
    embedder: Embedder
    count_tokens: Callable[[str], int]
    now: Callable[[], datetime]
    new_token: Callable[[], str]
    session_ttl: timedelta
    tenant: str
    reading: Reading | None = None
    ranking: Ranking = field(default_factory=Ranking)
    helpers: Executor | None = None

    @property
    def extractor(self) -> Extractor | None:
        """Who reads what was said for facts; None when the caller has to."""
        return self.reading.extractor() if self.reading else None

    def beside(self, work: Callable[[], T]) -> Callable[[], T]:
        """Begin some work in a thread of `helpers`, if there are any, and return what waits for its result."""
        try:
            return self.helpers.submit(work).result if self.helpers else work
        except RuntimeError:  # they have been sent home meanwhile
            return work

    def owner_of_id(self, memory_id: str, caller: Caller | None) -> Owner | None:
        """Return whose memory has this id: among the caller's own tables, or (library calls by id) in this tenant.

        None for an id that is malformed or lies in no such table. Owners may share a prefix; then the id decides.
        """
        if not is_memory_id(memory_id):
            return None
        prefix = memory_id[:PREFIX_CHARS]
        owners = caller.owners() if caller else self._owners_in_tenant(prefix)
        candidates = [owner for owner in owners if owner.digest.startswith(prefix)]
        if len(candidates) <= 1:
            return next(iter(candidates), None)
        return next((o for o in candidates if self.store.count(o, Filter(ids=(memory_id,)))), None)

    def _owners_in_tenant(self, prefix: str) -> list[Owner]:
        return [owner for owner in self.store.owners(prefix=prefix) if owner.tenant == self.tenant]

    def by_owner(self, ids: Sequence[str], caller: Caller | None) -> dict[Owner, list[str]]:
        """Return the ids by the table they lie in, leaving out those that lie in none."""
        grouped: dict[Owner, list[str]] = {}
        for memory_id in dict.fromkeys(ids):
            owner = self.owner_of_id(memory_id, caller)
            if owner is not None:
                grouped.setdefault(owner, []).append(memory_id)
        return grouped

    def required_owner(self, memory_id: str, caller: Caller | None, right: Right) -> Owner:
        """Return whose memory has this id, if the caller may do so; raises MemoryNotFound, NotAllowed."""
        owner = self.owner_of_id(memory_id, caller)
        if caller is not None:
            caller.require(right, owner)
        if owner is None:
            raise MemoryNotFound(str(memory_id))
        return owner


def is_memory_id(text: object) -> bool:
    """Whether a value has the form of an id: 16 characters of a-z and 2-7."""
    if not isinstance(text, str) or len(text) != _ID_CHARS or not text.isascii():
        return False
    return all(c.islower() or c in "234567" for c in text)
