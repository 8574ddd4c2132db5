"""What the journeys work with: the ports, a clock, randomness, and settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scrubjay.errors import MemoryNotFound
from scrubjay.ports import Embedder, MemoryStore
from scrubjay.types import PREFIX_CHARS, Caller, Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The parts of one running Scrubjay, built once and shared by every call and thread."""

    store: MemoryStore
    embedder: Embedder
    count_tokens: Callable[[str], int]
    now: Callable[[], datetime]
    new_token: Callable[[], str]
    session_ttl: timedelta

    def owner_of_id(self, memory_id: str, caller: Caller | None) -> Owner | None:
        """Return whose memory has this id: among the caller's own tables, or (library calls by id alone) any table.

        None for an id that is malformed or lies in no such table.
        """
        prefix = memory_id[:PREFIX_CHARS]
        if not is_memory_id(memory_id):
            return None
        owners = caller.owners() if caller else self.store.owners_with_prefix(prefix)
        return next((owner for owner in owners if owner.digest.startswith(prefix)), None)

    def by_owner(self, ids: Sequence[str], caller: Caller | None) -> dict[Owner, list[str]]:
        """Return the ids by the table they lie in, leaving out those that lie in none."""
        grouped: dict[Owner, list[str]] = {}
        for memory_id in dict.fromkeys(ids):
            owner = self.owner_of_id(memory_id, caller)
            if owner is not None:
                grouped.setdefault(owner, []).append(memory_id)
        return grouped

    def required_owner(self, memory_id: str, caller: Caller | None) -> Owner:
        """Return whose memory has this id; raises MemoryNotFound."""
        owner = self.owner_of_id(memory_id, caller)
        if owner is None:
            raise MemoryNotFound(memory_id)
        return owner


def is_memory_id(text: str) -> bool:
    """Whether a text has the form of an id: 16 characters of a-z and 2-7."""
    return len(text) == 16 and text.isascii() and all(c.islower() or c in "234567" for c in text)  # noqa: PLR2004
