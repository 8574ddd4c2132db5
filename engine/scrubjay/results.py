"""What the library returns: Mem0's shapes, as dictionaries."""

from collections.abc import Iterator, Sequence
from typing import Any, SupportsIndex

from scrubjay.journeys.adding import Added
from scrubjay.moments import shown
from scrubjay.recall.reply import told, told_hit
from scrubjay.types import Event, Hit, MemoryRecord


class Results(dict[str, Any]):
    """`{"results": [...], ...}` that also iterates, indexes and counts its results.

    Mem0's first generation returned the list, its second the dictionary: code written for either works.
    """

    @property
    def results(self) -> list[dict[str, Any]]:
        """The list under "results"."""
        listed: list[dict[str, Any]] = super().__getitem__("results")
        return listed

    def __iter__(self) -> Iterator[Any]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice | SupportsIndex) and not isinstance(key, str):
            return self.results[key]
        return super().__getitem__(key)


def memory_shape(record: MemoryRecord) -> dict[str, Any]:
    """Return a memory with the names that Mem0's callers read, beside Scrubjay's own."""
    owners = {"user_id": record.user_id, "agent_id": record.agent_id, "run_id": record.session_id}
    return {
        **told(record),
        **{name: value for name, value in owners.items() if value},
        "metadata": dict(record.metadata),
        "hash": record.digest,
        "created_at": shown(record.recorded_at),
        "updated_at": shown(record.recorded_at),
    }


def hit_shape(hit: Hit) -> dict[str, Any]:
    """Return a search result with Mem0's names."""
    return {**memory_shape(hit.record), **told_hit(hit)}


def added_shape(added: Added) -> Results:
    """Return what an add did: one result per message and fact, and the known memories close to the new ones."""
    shape = Results(
        results=[outcome_shape(outcome.record, outcome.event, outcome.previous) for outcome in added.outcomes]
    )
    if added.related:
        shape["related"] = [related_shape(hit) for hit in added.related]
    return shape


def outcome_shape(record: MemoryRecord, event: Event, previous: str) -> dict[str, Any]:
    """Return what became of one message or fact."""
    shape = {"id": record.id, "memory": record.text, "event": event.value}
    return {**shape, "previous": previous, "previous_memory": previous} if previous else shape


def related_shape(hit: Hit) -> dict[str, Any]:
    """Return a known memory close to a new one."""
    return {"id": hit.record.id, "memory": hit.record.text, "score": round(hit.score, 3)}


def history_shape(versions: Sequence[MemoryRecord]) -> list[dict[str, Any]]:
    """Return the versions of a memory, oldest first, as the changes that made them."""
    changes = []
    previous: dict[str, str] = {}
    for record in sorted(versions, key=lambda record: (record.recorded_at, record.version)):
        changes.append(
            {
                "id": f"{record.id}/{record.version}",
                "memory_id": record.id,
                "version": record.version,
                "old_memory": previous.get(record.id),
                "new_memory": record.text,
                "event": (Event.UPDATE if record.version > 1 else Event.ADD).value,
                "created_at": shown(record.recorded_at),
                "updated_at": shown(record.recorded_at),
                "valid_from": shown(record.valid_from),
                "valid_to": shown(record.valid_to),
                "superseded_by": record.superseded_by,
                "is_deleted": False,
            }
        )
        previous[record.id] = record.text
    return changes
