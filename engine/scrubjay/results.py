"""What the library returns: Mem0's shapes, as dictionaries."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, SupportsIndex

from scrubjay.graph.projection import Edge, Entity, Graph
from scrubjay.journeys.adding import Added
from scrubjay.journeys.extracting import Tally
from scrubjay.journeys.forgetting import Receipt
from scrubjay.moments import shown
from scrubjay.ports import TableStats
from scrubjay.recall.reply import told
from scrubjay.remembering.plan import Outcome
from scrubjay.types import Event, Hit, Kind, MemoryRecord, Owner, Shown

_SMALL_TALK = "Greetings, thanks and what memory itself had answered are not stored; infer=false stores them."
_SUSPECT = (
    "SUSPECT: it reads like a command about memory, tools or secrecy, or like a credential. It is stored, changes "
    "nothing and is not recalled until the person confirms it (`scrubjay confirm ID`, or on the page); tell them."
)


GONE = "It was checked: no row of it and no file from before is left."
"""What a receipt says to a person; an erasure of which that is not true raises StoreError."""


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

    def __bool__(self) -> bool:
        return True  # as a dictionary with keys: encoders that indent would else write {} for no results

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice | SupportsIndex) and not isinstance(key, str):
            return self.results[key]
        return super().__getitem__(key)


def memory_shape(record: MemoryRecord) -> dict[str, Any]:
    """Return a memory with the names that Mem0's callers read, beside Scrubjay's own."""
    return {**_told_to_mem0(record), **told(Shown(record=record)), "metadata": dict(record.metadata)}


def _told_to_mem0(record: MemoryRecord) -> dict[str, Any]:
    owners = {"user_id": record.user_id, "agent_id": record.agent_id, "run_id": record.session_id}
    return {
        **{name: value for name, value in owners.items() if value},
        **({"source_ids": list(record.source_ids)} if record.source_ids else {}),
        "origin": record.origin,
        "hash": record.digest,
        "created_at": shown(record.recorded_at),
        "updated_at": shown(record.recorded_at),
    }


def held_shape(record: MemoryRecord) -> dict[str, Any]:
    """Return everything that is kept of one version of a memory but what searching alone reads."""
    kept = {
        "relations": [asdict(relation) for relation in record.relations],
        "source_ids": list(record.source_ids),
        "turn": record.turn,
        "importance": round(record.importance, 3),
        "expires_at": shown(record.expires_at),
        "tenant": record.tenant,
        "user_id": record.user_id,
        "agent_id": record.agent_id,
        "session_id": record.session_id,
        "written_by": record.written_by,
        "origin": record.origin,
    }
    return {**told(Shown(record=record)), **{name: value for name, value in kept.items() if value not in ("", [])}}


def held_line(record: MemoryRecord) -> str:
    """Return the same as a line of JSON, with its end."""
    return f"{json.dumps(held_shape(record), ensure_ascii=False)}\n"


def hit_shape(hit: Shown) -> dict[str, Any]:
    """Return a search result with Mem0's names."""
    return {"metadata": dict(hit.record.metadata), **_told_to_mem0(hit.record), **told(hit)}


def added_shape(added: Added) -> Results:
    """Return what an add did: one result per message and fact, and the known memories close to the new ones."""
    shape = Results(results=[{**outcome_shape(o), **_previous(o)} for o in added.outcomes])
    if note := " ".join(notes_of(added)):
        shape["note"] = note
    if added.related:
        shape["related"] = [related_shape(hit) for hit in added.related]
    return shape


def notes_of(added: Added) -> list[str]:
    """Return what is to be said of an add, whoever asks: about small talk, suspects, and the reading of messages."""
    suspect = any(outcome.event is Event.SUSPECT for outcome in added.outcomes)
    notes = [_SMALL_TALK if added.left_out else "", _SUSPECT if suspect else "", reading_note(added)]
    return [note for note in notes if note]


def reading_note(added: Added) -> str:
    """Return what is to be said of messages that were, or are still to be, read for facts; "" without an extractor."""
    if added.pending:
        many = "1 message is" if added.pending == 1 else f"{added.pending} messages are"
        why = f" ({added.problem})" if added.problem else ""
        return f"{many} kept and can be found, and will be read for facts later{why}."
    if added.read and not any(outcome.record.kind is Kind.FACT for outcome in added.outcomes):
        return "Nothing in it was worth a fact; it is kept as it was said, and can be found."
    return ""


def tally_shape(tally: Tally) -> dict[str, Any]:
    """Return what a run of the extractor has done."""
    shape = {"read": tally.read, "facts": tally.facts, "pending": tally.pending}
    return {**shape, "problem": tally.problem} if tally.problem else shape


def _previous(outcome: Outcome) -> dict[str, str]:
    return {"previous_memory": outcome.previous} if outcome.previous else {}


def receipt_shape(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt: counts, when, and what was looked at to be sure; the ids are told beside it."""
    return {
        "erased": receipt.erased,
        "rewritten": receipt.rewritten,
        "at": shown(receipt.at),
        "verified": {"rows_left": receipt.proof.rows_left, "files_left": receipt.proof.files_left},
        "files_removed": receipt.proof.files_removed,
    }


def stats_shape(stats: Mapping[Owner, TableStats]) -> dict[str, Any]:
    """Return how much there is in each table, and how many bytes in all."""
    tables = [_table_shape(owner, of_owner) for owner, of_owner in stats.items()]
    return {"tables": tables, "bytes": sum(of_owner.size for of_owner in stats.values())}


def _table_shape(owner: Owner, stats: TableStats) -> dict[str, Any]:
    return {
        "scope": owner.scope.value,
        "name": owner.name,
        "memories": stats.memories,
        "rows": stats.rows,
        "pending": stats.pending,
        "states": stats.states,
        "bytes": stats.size,
        "embedding": stats.embedding,
        "maintained_at": shown(stats.maintained_at),
    }


def outcome_shape(outcome: Outcome) -> dict[str, Any]:
    """Return what became of one message or fact."""
    shape = {"id": outcome.record.id, "memory": outcome.record.text, "event": outcome.event.value}
    return {**shape, "previous": outcome.previous} if outcome.previous else shape


def related_shape(hit: Hit | Shown) -> dict[str, Any]:
    """Return a known memory close to a new one."""
    return {"id": hit.record.id, "memory": hit.record.text, "score": round(hit.score or 0.0, 3)}


def graph_shape(graph: Graph) -> dict[str, list[dict[str, Any]]]:
    """Return entities and relations; an entity without aliases and a relation without an end leave them out."""
    return {
        "entities": [_entity_shape(entity) for entity in graph.entities],
        "relations": [_relation_shape(edge) for edge in graph.edges],
    }


def _entity_shape(entity: Entity) -> dict[str, Any]:
    aliases = {"aliases": list(entity.aliases)} if entity.aliases else {}
    return {"name": entity.name, **aliases, "memory_ids": list(entity.memory_ids)}


def _relation_shape(edge: Edge) -> dict[str, Any]:
    end = {"valid_to": shown(edge.valid_to)} if edge.valid_to else {}
    return {**asdict(edge.relation), "valid_from": shown(edge.valid_from), **end, "memory_id": edge.memory_id}


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
