"""The data folder of a store as files: what is in it, and ways to damage it as a power cut or a bad disk would."""

from collections.abc import Callable
from pathlib import Path

import lancedb
import numpy as np

from records import ANA, UNITS
from scrubjay.ports import MemoryStore
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.stores.lancedb_rows import rows_with_vectors
from scrubjay.types import Filter, MemoryRecord, Owner

EMBEDDING = "hand-written (4 dimensions)"


def opened(folder: Path, *, embedding: str = EMBEDDING, dimension: int = 4, most_held: int = 20_000) -> LanceDBStore:
    return LanceDBStore(folder, embedding=embedding, dimension=dimension, most_held=most_held)


def put(store: MemoryStore, *records: MemoryRecord, owner: Owner = ANA) -> None:
    with store.exclusive(owner):
        store.write(owner, inserted=records, vectors=units(len(records)), replaced=())


def units(number: int) -> np.ndarray:
    return UNITS[[n % 4 for n in range(number)]]


def change(store: MemoryStore, *records: MemoryRecord, owner: Owner = ANA) -> None:
    with store.exclusive(owner):
        store.write(owner, inserted=(), vectors=UNITS[:0], replaced=records)


def ids(store: MemoryStore, owner: Owner = ANA) -> list[str]:
    return sorted(row.id for row in store.find(owner, Filter()))


def table_folder(folder: Path, owner: Owner = ANA) -> Path:
    return folder / "memories" / f"{owner.digest}.lance"


def manifests(folder: Path, owner: Owner = ANA) -> list[Path]:
    """Return the manifests, the newest first."""
    return sorted(table_folder(folder, owner).glob("_versions/*.manifest"))


def commit_unnoted(folder: Path, *records: MemoryRecord, owner: Owner = ANA) -> set[Path]:
    """Commit rows past Scrubjay, as by a process that was killed before it synced; return the new files."""
    before = set(files(table_folder(folder, owner)))
    table = lancedb.connect(str(folder / "memories")).open_table(owner.digest)
    table.add(rows_with_vectors(records, list(units(len(records))), table.schema))
    return set(files(table_folder(folder, owner))) - before


def files(folder: Path) -> dict[Path, bytes]:
    """Return every file with its bytes, without the locks."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


def holding(folder: Path, text: str) -> list[Path]:
    """Return the files in which a text stands."""
    return [path for path, content in files(folder).items() if text.encode() in content]


def emptied(content: bytes) -> bytes:
    return content[:0]


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def without_its_end(content: bytes) -> bytes:
    return content[:-1]


def zeroed(content: bytes) -> bytes:
    return bytes(len(content))


def zeroed_at_the_end(content: bytes) -> bytes:
    return content[: len(content) // 2] + bytes(len(content) - len(content) // 2)


Tear = Callable[[bytes], bytes]
TEARS: list[Tear] = [emptied, halved, without_its_end, zeroed, zeroed_at_the_end]


def tear(path: Path, how: Tear = zeroed) -> None:
    path.write_bytes(how(path.read_bytes()))
