"""stats: how much there is of a caller's own."""

from scrubjay.journeys.engine import Engine
from scrubjay.ports import TableStats
from scrubjay.rights import Right
from scrubjay.types import Caller, Owner


def measure(engine: Engine, caller: Caller) -> dict[Owner, TableStats]:
    """Return how much there is in each table that the caller reads. Raises NotAllowed, StoreError."""
    caller.require(Right.READ)
    return {owner: engine.store.stats(owner) for owner in caller.owners()}
