"""Which owners have words to read or rows that expire: kept in marker files, under the owner's lock."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scrubjay.moments import micros
from scrubjay.stores.markers import Markers
from scrubjay.stores.sql import condition
from scrubjay.types import PENDING, MemoryRecord, Owner, State

if TYPE_CHECKING:
    from lancedb.table import Table


class Waiting:
    """The markers of a data folder: `pending/` says who has words to read, `expiring/` when whose first row expires."""

    def __init__(self, folder: Path) -> None:
        self._pending = Markers(folder / "pending")
        self._expiring = Markers(folder / "expiring")

    def announce(self, owner: Owner, records: Sequence[MemoryRecord]) -> None:
        """Mark what these rows bring; before they are committed, so that who is killed in between marks too much."""
        has_pending = any(record.state is State.PENDING for record in records)
        if has_pending and self._pending.note(owner.digest) is None:
            self._pending.set(owner.digest)
        first = min((micros(record.expires_at) for record in records if record.expires_at), default=None)
        known = self._expiring.note(owner.digest)
        if first is not None and (known is None or first < _moment(known)):
            self._expiring.set(owner.digest, str(first))

    def update(self, owner: Owner, table: "Table") -> None:
        """Take away the mark of words to read when all are read."""
        if self._pending.note(owner.digest) is not None and not table.count_rows(condition(PENDING)):
            self._pending.clear(owner.digest)

    def update_expiry(self, owner: Owner, table: "Table") -> None:
        """Mark when the first row of a table expires."""
        rows = table.search().where("expires_at IS NOT NULL").select(["expires_at"]).to_arrow()
        ends = rows["expires_at"].cast("int64").to_pylist()
        if ends:
            self._expiring.set(owner.digest, str(min(ends)))
        else:
            self._expiring.clear(owner.digest)

    def clear(self, owner: Owner) -> None:
        """Take away every mark of an owner whose table is gone."""
        self._pending.clear(owner.digest)
        self._expiring.clear(owner.digest)

    def expires(self, owner: Owner) -> bool:
        """Whether any row of the owner is marked to expire."""
        return self._expiring.note(owner.digest) is not None

    def with_pending(self) -> list[str]:
        """Return the digests of the owners who have words to read."""
        return self._pending.names()

    def with_expired(self, now: datetime) -> list[str]:
        """Return the digests of the owners some of whose rows have expired."""
        notes = {name: self._expiring.note(name) for name in self._expiring.names()}
        return [name for name, note in notes.items() if note is not None and _moment(note) <= micros(now)]


def _moment(note: str) -> int:
    """Return the microseconds since 1970 that a marker tells; one that cannot be read is due."""
    try:
        return int(note)
    except ValueError:
        return 0
