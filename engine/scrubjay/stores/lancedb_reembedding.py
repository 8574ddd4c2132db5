"""Vectors of another model for a whole table, made beside it: reads and writes go on until they take its place.

What is made is kept in files of their own, so that whoever is interrupted goes on where it was. They hold vectors of
what may be forgotten meanwhile: an erasure removes them, and they are made again.
"""

import hashlib
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa

from scrubjay.disk import replacing
from scrubjay.progress import Progress, part_of
from scrubjay.stores.lancedb_rows import embedding_of
from scrubjay.stores.sql import condition
from scrubjay.types import Filter, Owner

if TYPE_CHECKING:
    from lancedb.table import Table
    from numpy.typing import NDArray

    from scrubjay.stores.lancedb_tables import Tables

    Vectors = NDArray[np.float32]

Key: TypeAlias = tuple[str, int]

_TEXTS_AT_ONCE = 64
_NOTHING = pa.table({name: [] for name in ("id", "version", "text")})


class Stage:
    """The new vectors of one owner's rows, by key, in a folder of files that are each written whole."""

    def __init__(self, folder: Path, *, embedding: str) -> None:
        self._folder = folder
        self._model = hashlib.sha256(embedding.encode()).hexdigest()[:16]

    def vectors(self) -> "dict[Key, NDArray[np.float32]]":
        """Return what was made so far with this model; what another model made or a bad disk damaged is removed."""
        found: dict[Key, NDArray[np.float32]] = {}
        for path in sorted(self._folder.glob("*")):
            made = _read(path) if path.name.startswith(self._model) and path.suffix == ".npz" else None
            if made is None:
                path.unlink(missing_ok=True)
            else:
                found.update(made)
        return found

    def add(self, keys: Sequence[Key], vectors: "Vectors") -> None:
        """Keep more of them, on the disk."""
        if not keys:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ids, versions = zip(*keys, strict=True)
        with replacing(self._folder / f"{self._model}-{ids[0]}-{versions[0]}.npz") as file:
            np.savez(file, ids=np.array(ids), versions=np.array(versions), vectors=vectors)

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _read(path: Path) -> "dict[Key, NDArray[np.float32]] | None":
    """Return the vectors in a file, None when it is damaged: its checksums tell."""
    try:
        with path.open("rb") as file, np.load(file) as part:
            keys = zip(part["ids"].tolist(), part["versions"].tolist(), strict=True)
            return dict(zip(keys, part["vectors"], strict=True))
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, EOFError, BadZipFile, zlib.error):
        return None


def reembed(
    tables: "Tables",
    owner: Owner,
    stage: Stage,
    embed: "Callable[[Sequence[str]], Vectors]",
    told: Progress,
) -> bool:
    """Give all rows of a table vectors of the store's model; whether they had another one's."""
    if not _is_of_another_model(tables, owner):
        stage.clear()
        return False
    rows = _texts(tables, owner)
    while wanted := _missing(rows, stage.vectors()):
        _stage(
            tables, owner, stage, wanted, embed, part_of(told, begin=rows.num_rows - len(wanted), total=rows.num_rows)
        )
        rows = _texts(tables, owner)  # what came meanwhile, or is to be made again since something was forgotten
    with tables.exclusive(owner):
        table = tables.open(owner)
        if table is not None and _is_of_another_model(tables, owner):
            schema = tables.schema_of(owner)
            tables.rewrite(owner, _with_vectors(tables.batches(table), schema, stage.vectors(), embed), schema)
        stage.clear()
    return True


def _texts(tables: "Tables", owner: Owner) -> pa.Table:
    columns = ["id", "version", "text"]
    return tables.read(owner, lambda table: table.search().select(columns).to_arrow(), nothing=_NOTHING)


def _stage(
    tables: "Tables",
    owner: Owner,
    stage: Stage,
    wanted: Sequence[tuple[Key, str]],
    embed: "Callable[[Sequence[str]], Vectors]",
    told: Progress,
) -> None:
    """Make vectors and keep them, a few at a time; the lock is held only to see which rows are still there."""
    done = 0
    told(done, len(wanted))
    for part in _parts(wanted):
        vectors = embed([text for _, text in part])
        with tables.exclusive(owner):
            left = _left(tables.open(owner), part)
            stays = [number for number, (key, _) in enumerate(part) if key in left]  # the others were forgotten
            stage.add([part[number][0] for number in stays], vectors[stays])
        done += len(part)
        told(done, len(wanted))


def _is_of_another_model(tables: "Tables", owner: Owner) -> bool:
    model, _ = embedding_of(tables.schema_of(owner))
    return tables.read(owner, lambda table: embedding_of(table.schema)[0], nothing=model) != model


def _left(table: "Table | None", part: Sequence[tuple[Key, str]]) -> set[Key]:
    if table is None:
        return set()
    where = condition(Filter(ids=tuple({key[0] for key, _ in part})))
    rows = table.search().where(where).select(["id", "version"]).to_arrow()
    return set(zip(rows["id"].to_pylist(), rows["version"].to_pylist(), strict=True))


def _missing(rows: pa.Table, made: "dict[Key, NDArray[np.float32]]") -> list[tuple[Key, str]]:
    """Return the keys and texts of the rows whose vectors are still to be made."""
    keys = zip(rows["id"].to_pylist(), rows["version"].to_pylist(), strict=True)
    return [(key, text) for key, text in zip(keys, rows["text"].to_pylist(), strict=True) if key not in made]


def _parts(wanted: Sequence[tuple[Key, str]]) -> Iterator[Sequence[tuple[Key, str]]]:
    """Give them a few at a time."""
    for begin in range(0, len(wanted), _TEXTS_AT_ONCE):
        yield wanted[begin : begin + _TEXTS_AT_ONCE]


def _with_vectors(
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    made: "dict[Key, NDArray[np.float32]]",
    embed: "Callable[[Sequence[str]], Vectors]",
) -> Iterator[pa.RecordBatch]:
    """Give the rows with their new vectors, those of rows that came meanwhile made now."""
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        for part in _parts(_missing(rows, made)):
            made.update(zip((key for key, _ in part), embed([text for _, text in part]), strict=True))
        keys = zip(batch["id"].to_pylist(), batch["version"].to_pylist(), strict=True)
        flat = np.concatenate([made[key] for key in keys]) if batch.num_rows else np.zeros(0, dtype=np.float32)
        size = schema.field("vector").type.list_size
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat.astype(np.float32)), size)
        columns = [vectors if name == "vector" else batch[name] for name in schema.names]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
