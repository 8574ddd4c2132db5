"""Bringing one table into shape: fragments joined, indexes up to date, old versions and leftovers gone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from scrubjay.moments import shown
from scrubjay.stores.disk import modified_at
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
    versions, is_tended = folder.versions(), table.version == folder.notes().tended
    if is_tended and len(versions) == 1:
        return False
    age = timedelta(0) if is_tended else max(timedelta(0), datetime.now(UTC) - modified_at(versions[0]))
    if table.count_rows() > most_held:
        index_ids(table)
    table.optimize(cleanup_older_than=age + _READERS_GRACE, delete_unverified=True)
    for path in folder.left_by_the_killed():
        path.unlink(missing_ok=True)
    folder.note(replace(folder.notes(), tended=table.version, tended_at=shown(datetime.now(UTC))))
    return True
