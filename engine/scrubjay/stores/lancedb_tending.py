"""Bringing one table into shape: fragments joined, indexes up to date, old versions and leftovers gone."""

from datetime import timedelta
from typing import TYPE_CHECKING

from scrubjay.stores.lancedb_folder import TableFolder
from scrubjay.stores.lancedb_rows import index_ids

if TYPE_CHECKING:
    from lancedb.table import Table

_NOTHING_YET = timedelta(days=36_500)
_READERS_GRACE = timedelta(seconds=1)
_ROUNDS = 3  # what was just indexed is joined with the rest in the next round


def join(table: "Table", *, most_held: int) -> bool:
    """Join fragments and bring the indexes up to date; beyond `most_held` rows ids have one. Nothing is removed.

    Returns whether all is joined now.
    """
    if table.count_rows() > most_held:
        index_ids(table)
    for _ in range(_ROUNDS):
        before = table.version
        table.optimize(cleanup_older_than=_NOTHING_YET)
        if table.version == before:
            return True
    return False


def clean(table: "Table", folder: TableFolder) -> None:
    """Remove versions that nobody reads any more, and what killed writers left.

    To be called when all is joined and on the disk: LanceDB would join first, and remove what the new version, not on
    the disk yet, takes the place of.
    """
    table.optimize(cleanup_older_than=_READERS_GRACE, delete_unverified=True)
    for path in folder.left_by_the_killed():
        path.unlink(missing_ok=True)
