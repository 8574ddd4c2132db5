"""Bringing one table into shape: fragments joined, indexes up to date, old versions and leftovers gone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from scrubjay.disk import modified_at
from scrubjay.moments import shown
from scrubjay.stores.lancedb_folder import TableFolder
from scrubjay.stores.lancedb_rows import index_ids

if TYPE_CHECKING:
    from lancedb.table import Table

_READERS_GRACE = timedelta(seconds=1)


def tend(table: "Table", folder: TableFolder, *, most_held: int) -> bool:
    """Tend to a table, under the lock; whether there was anything to do. Beyond `most_held` rows ids get an index.

    While there was something to join, the version before stays until the next time: for whoever reads it, and because
    the new one is not on the disk yet.
    """
    versions, before = folder.versions(), table.version
    if before == folder.notes().tended and len(versions) == 1:
        return False
    if table.count_rows() > most_held:
        index_ids(table)
    age = max(timedelta(0), datetime.now(UTC) - modified_at(versions[0]))
    table.optimize(cleanup_older_than=age + _READERS_GRACE, delete_unverified=True)
    if table.version == before:  # nothing was joined, so what is there is on the disk, and others are of no use
        table.optimize(cleanup_older_than=_READERS_GRACE, delete_unverified=True)
    for path in folder.left_by_the_killed():
        path.unlink(missing_ok=True)
    folder.note(replace(folder.notes(), tended=table.version, tended_at=shown(datetime.now(UTC))))
    return True
