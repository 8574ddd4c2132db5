"""What is to be erased, and what shows that it is gone: ids and counts, never text."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Memories with all their versions (`ids`) and single versions of others; `everything`: all that the owner has.

    `unread`: the table could not be read, so there are more ids than these.
    """

    ids: tuple[str, ...] = ()
    versions: tuple[tuple[str, int], ...] = ()
    everything: bool = False
    unread: bool = False

    def __or__(self, other: "Erasure") -> "Erasure":
        """Return the erasure that takes what either takes."""
        return Erasure(
            ids=tuple(dict.fromkeys((*self.ids, *other.ids))),
            versions=tuple(dict.fromkeys((*self.versions, *other.versions))),
            everything=self.everything or other.everything,
            unread=self.unread or other.unread,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """All that was ever erased of an owner; until `all_until` everything, of a table whose ids could not be read."""

    ids: frozenset[str] = frozenset()
    versions: frozenset[tuple[str, int]] = frozenset()
    all_until: datetime | None = None

    def __or__(self, other: "Forgotten") -> "Forgotten":
        """Return all that was erased in either place."""
        return Forgotten(
            ids=self.ids | other.ids,
            versions=self.versions | other.versions,
            all_until=max(filter(None, (self.all_until, other.all_until)), default=None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was looked at when an erasure was done.

    `rows_left`: rows of it that are still found; `files_left`: files from before it that are still there. An erasure
    with either is not done: StoreError is raised. `files_removed`: how many files went.
    """

    rows_left: int = 0
    files_left: int = 0
    files_removed: int = 0

    def __add__(self, other: "Proof") -> "Proof":
        """Return what was looked at in both erasures together."""
        return Proof(
            rows_left=self.rows_left + other.rows_left,
            files_left=self.files_left + other.files_left,
            files_removed=self.files_removed + other.files_removed,
        )
