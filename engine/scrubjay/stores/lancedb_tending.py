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

    The versions that somebody may be reading stay until the next time, when nothing was written for a moment: then the
    newest one stays alone, and there is nothing to do any more.
    """
    versions = folder.versions()
    is_tended = table.version == folder.notes().tended
    if is_tended and len(versions) == 1:
        return False
    age = max(datetime.now(UTC) - modified_at(versions[0]), timedelta(0))
    is_at_rest = is_tended and age > _READERS_GRACE
    if table.count_rows() > most_held:
        index_ids(table)
    kept = _READERS_GRACE if is_at_rest else age + _READERS_GRACE
    table.optimize(cleanup_older_than=kept, delete_unverified=True)
    for path in folder.left_by_the_killed():
        path.unlink(missing_ok=True)
    folder.note(replace(folder.notes(), tended=table.version, tended_at=shown(datetime.now(UTC))))
    return True
