"""The table's schema and index, and rows as Arrow sees them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from scrubjay.erasures import Erasure
from scrubjay.errors import EmbeddingMismatch, InvalidInput, StoreError
from scrubjay.graph.subject import Statement
from scrubjay.matches import Candidate
from scrubjay.moments import from_micros
from scrubjay.stores.lancedb_errors import translated
from scrubjay.stores.matching import metadata_terms
from scrubjay.types import Kind, MemoryRecord, Owner, Relation, Scope, State

if TYPE_CHECKING:
    import numpy as np
    from lancedb.table import Table
    from numpy.typing import NDArray

SCHEMA_VERSION = 2
_BLANK_ID = "blank"  # a row without content that version 1 added while it erased, and a kill may have left
_RECORDS_AT_ONCE = 1_000
_METADATA_KEY = b"scrubjay"
_DESCRIBED = b'{"schema_version"'
_MOMENT = pa.timestamp("us", "UTC")
_TEXTS = pa.list_(pa.string())
_RELATIONS = pa.list_(pa.struct([(name, pa.string()) for name in ("subject", "predicate", "object")]))
_TYPE_BY_COLUMN = {
    "version": pa.int32(),
    "turn": pa.int32(),
    "attempts": pa.int32(),
    "importance": pa.float32(),
    "entities": _TEXTS,
    "source_ids": _TEXTS,
    "evidence": _TEXTS,
    "relations": _RELATIONS,
    **dict.fromkeys(("recorded_at", "occurred_at", "valid_from", "valid_to", "expires_at"), _MOMENT),
}
_NULLABLE = {"occurred_at", "valid_to", "expires_at"}

COLUMNS = [column.name for column in fields(MemoryRecord)]
"""Every column of a record; the table has two more, `metadata_terms` (for equality filters) and `vector`."""

STATED = [column.name for column in fields(Statement)]
"""The columns that say whom a fact is about."""


def table_schema(owner: Owner, *, embedding: str, dimension: int) -> pa.Schema:
    """Return the schema of a new table, with the owner and the embedding model in its metadata."""
    columns = [pa.field(c, _TYPE_BY_COLUMN.get(c, pa.string()), nullable=c in _NULLABLE) for c in COLUMNS]
    columns.append(pa.field("metadata_terms", _TEXTS, nullable=False))
    columns.append(pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False))
    described = {
        "schema_version": SCHEMA_VERSION,
        "embedding": embedding,
        "owner": {"tenant": owner.tenant, "scope": owner.scope, "name": owner.name},
    }
    return pa.schema(columns, metadata={_METADATA_KEY: json.dumps(described).encode()})


def index(table: "Table") -> None:
    """Build the full-text index anew. Words of every script are cut as Unicode says, English ones stemmed as well."""
    from lancedb.index import FTS

    table.create_index("lexical", config=FTS(base_tokenizer="icu/split", remove_stop_words=False), replace=True)


def index_ids(table: "Table") -> None:
    """Build an index of ids if there is none: in a large table it halves the time of looking rows up by id."""
    from lancedb.index import BTree

    if not any(known.columns == ["id"] for known in table.list_indices()):
        table.create_index("id", config=BTree())


def owner_of(schema: pa.Schema) -> Owner:
    """Return whose table this is."""
    described = _described(schema)["owner"]
    try:
        return Owner(tenant=described["tenant"], scope=Scope(described["scope"]), name=described["name"])
    except (LookupError, TypeError, ValueError) as error:
        raise StoreError("the table does not say whose it is; move its folder away") from error


def owner_told(manifest: bytes) -> Owner | None:
    """Return whose table a manifest tells of, None when it does not; LanceDB writes a schema's metadata as they are."""
    begin = manifest.find(_DESCRIBED)
    if begin < 0:
        return None
    try:
        described, _ = json.JSONDecoder().raw_decode(manifest[begin:].decode("latin-1"))  # what it says is ASCII
        owner = described["owner"]
        return Owner(tenant=owner["tenant"], scope=Scope(owner["scope"]), name=owner["name"])
    except (LookupError, TypeError, ValueError, InvalidInput):
        return None


def schema_version(schema: pa.Schema) -> int:
    """Return of which version the table is; raises StoreError for one of a version that is still to come."""
    version = int(_described(schema)["schema_version"])
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"these memories have schema version {version}, this Scrubjay reads up to {SCHEMA_VERSION}; "
            "use the version of Scrubjay that wrote them, or a later one"
        )
    return version


def check_owner(schema: pa.Schema, owner: Owner) -> None:
    """Raise StoreError unless this table is the owner's."""
    if owner_of(schema) != owner:
        raise StoreError("the table found under this owner's name belongs to another owner; it was not opened")


def embedding_of(schema: pa.Schema) -> tuple[str, int]:
    """Return of which model the table's vectors are, and their dimension."""
    return _described(schema)["embedding"], schema.field("vector").type.list_size


def check_embedding(schema: pa.Schema, embedding: str) -> None:
    """Raise EmbeddingMismatch unless the table's vectors are of this model; lists and erasures do not care."""
    stored, _ = embedding_of(schema)
    if stored != embedding:
        raise EmbeddingMismatch(stored=stored, current=embedding)


def upgraded(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Give the rows of a table of version 1 as those of this version: without the blank row of a killed erasure."""
    for batch in batches:
        rows = batch.filter(pa.compute.not_equal(batch["id"], _BLANK_ID))
        yield pa.RecordBatch.from_arrays([rows[name] for name in schema.names], schema=schema)


def _described(schema: pa.Schema) -> dict[str, Any]:
    described = json.loads((schema.metadata or {}).get(_METADATA_KEY, b"{}"))
    if not isinstance(described, dict) or not {"schema_version", "embedding", "owner"} <= described.keys():
        raise StoreError("the table was not written by Scrubjay; move its folder away")
    return described


def rows_with_vectors(
    records: Sequence[MemoryRecord], vectors: "Sequence[NDArray[np.float32]]", schema: pa.Schema
) -> pa.Table:
    """Return an Arrow table of complete rows."""
    rows = [{**_row(record), "vector": vector} for record, vector in zip(records, vectors, strict=True)]
    return pa.Table.from_pylist(rows, schema=schema)


def staying(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, erasure: Erasure, rewritten: Sequence[MemoryRecord]
) -> Iterator[pa.RecordBatch]:
    """Give the rows that an erasure leaves, those of `rewritten` in their new form."""
    ids, versions, changed = set(erasure.ids), set(erasure.versions), {record.key: record for record in rewritten}
    for batch in batches:
        keys = list(zip(batch["id"].to_pylist(), batch["version"].to_pylist(), strict=True))
        stays = [key[0] not in ids and key not in versions for key in keys]
        as_it_was = [left and key not in changed for key, left in zip(keys, stays, strict=True)]
        yield batch.filter(pa.array(as_it_was, pa.bool_()))
        anew = [number for number, left in enumerate(stays) if left and not as_it_was[number]]
        if anew:
            vectors = vectors_of(pa.Table.from_batches([batch.take(pa.array(anew))]))
            yield from rows_with_vectors([changed[keys[n]] for n in anew], list(vectors), schema).to_batches()


def records_with_vectors(rows: pa.Table) -> "Iterator[tuple[list[MemoryRecord], NDArray[np.float32]]]":
    """Give the rows of a table as records, with their vectors, some at a time; raises StoreError for damaged ones."""
    for begin in range(0, rows.num_rows, _RECORDS_AT_ONCE):
        part = rows.slice(begin, _RECORDS_AT_ONCE)
        with translated("read"):
            records = [record_of(row) for row in rows_of(part)]
        yield records, vectors_of(part)


def _row(record: MemoryRecord) -> dict[str, Any]:
    row: dict[str, Any] = {column: getattr(record, column) for column in COLUMNS}
    row["relations"] = [{"subject": r.subject, "predicate": r.predicate, "object": r.object} for r in record.relations]
    row["metadata"] = json.dumps(record.metadata, ensure_ascii=False)
    row["metadata_terms"] = list(metadata_terms(record.metadata))
    return row


CANDIDATE_COLUMNS = [
    "id", "version", "kind", "text", "vector", "occurred_at", "valid_from", "recorded_at", "role", "name", "session_id",
    "turn", "importance", "source_ids", "entities", "relations",
]  # fmt: skip
"""What ranking looks at."""


def vectors_of(rows: pa.Table) -> "NDArray[np.float32]":
    """Return the column `vector` as (n, dimension) float32, without a copy where the rows lie in one piece."""
    column = rows["vector"].combine_chunks()
    flat: NDArray[np.float32] = column.flatten().to_numpy()
    return flat.reshape(len(column), column.type.list_size)


def candidates_of(rows: pa.Table, vectors: "Iterable[NDArray[np.float32]]") -> list[Candidate]:
    """Return what ranking looks at, of rows with at least `CANDIDATE_COLUMNS`; by column is much faster than by row."""
    said_at = pa.compute.coalesce(rows["occurred_at"], rows["valid_from"]).cast(pa.int64()).to_pylist()
    recorded_at = rows["recorded_at"].cast(pa.int64()).to_pylist()
    plain = [rows[name].to_pylist() for name in ("id", "version", "text", "role", "name", "session_id", "turn")]
    kinds = [Kind(kind) for kind in rows["kind"].to_pylist()]
    lists = [_tuples(rows[name]) for name in ("source_ids", "entities")]
    related = [tuple(Relation(**each) for each in row) for row in _tuples(rows["relations"])]
    importances = rows["importance"].to_pylist()
    return [
        Candidate(
            id=i, version=v, kind=kind, text=text, vector=vector, said_at=said, recorded_at=recorded, role=role,
            name=name, session_id=session, turn=turn, importance=importance, source_ids=sources, entities=entities,
            relations=relations,
        )
        for i, v, text, role, name, session, turn, kind, vector, said, recorded, importance, sources, entities,
            relations in zip(
                *plain, kinds, vectors, said_at, recorded_at, importances, *lists, related, strict=True
            )
    ]  # fmt: skip


def _tuples(column: pa.ChunkedArray) -> list[tuple[Any, ...]]:
    """Return a column of lists; most are empty, and saying so at once spares the time of converting them."""
    if not pa.compute.sum(pa.compute.list_value_length(column)).as_py():
        return [()] * len(column)
    return [tuple(values) for values in column.to_pylist()]


def rows_of(rows: pa.Table) -> list[dict[str, Any]]:
    """Return rows as Arrow's `to_pylist` does, with moments made of their microseconds: a quarter of the time."""
    columns = {name: _values(rows[name]) for name in rows.column_names}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    if column.type != _MOMENT:
        return list(column.to_pylist())
    return [None if value is None else from_micros(value) for value in column.cast(pa.int64()).to_pylist()]


def record_of(row: Mapping[str, Any]) -> MemoryRecord:
    """Return the record in a row of `COLUMNS`."""
    values = {column: row[column] for column in COLUMNS}
    values |= {name: tuple(row[name]) for name in ("entities", "source_ids", "evidence")}
    values["relations"] = _relations_of(row)
    values |= {"scope": Scope(row["scope"]), "kind": Kind(row["kind"]), "state": State(row["state"])}
    values["metadata"] = json.loads(row["metadata"])
    return MemoryRecord(**values)


def statement_of(row: Mapping[str, Any]) -> Statement:
    """Return what the fact in a row of `STATED` says about whom."""
    values = {**row, "state": State(row["state"]), "relations": _relations_of(row)}
    return Statement(**values | {name: tuple(row[name]) for name in ("entities", "source_ids")})


def _relations_of(row: Mapping[str, Any]) -> tuple[Relation, ...]:
    return tuple(Relation(**relation) for relation in row["relations"])
