"""The file of a backup: a ZIP with, for each owner, rows as JSON Lines, their vectors, and the ids that were forgotten.

It is independent of the store, and readable without Scrubjay. Entries: `scrubjay.json` (what is in it), and for each
owner `<digest>/<number>.jsonl` (rows), `<digest>/<number>.f32` (their vectors, float32, little-endian, one after the
other) and `<digest>/forgotten.json`.
"""

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from scrubjay.disk import replacing
from scrubjay.erasures import Forgotten
from scrubjay.errors import InvalidInput, StoreError
from scrubjay.moments import moment, shown
from scrubjay.remembering.written import record_in, written
from scrubjay.types import MemoryRecord, Owner, Scope

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scrubjay.ports import Vectors

FORMAT = 1
_BYTES_OF_A_NUMBER = 4
_FORGOTTEN = "/forgotten.json"
_CONTENTS = "scrubjay.json"
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, EOFError,
    NotImplementedError,  # what zipfile raises for a compression it does not know
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a backup has of one owner: how many rows in each part, and the model and dimension of their vectors."""

    owner: Owner
    embedding: str
    dimension: int
    parts: tuple[int, ...]


class Writer:
    """A backup that is being written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._kept: list[Kept] = []

    def put(
        self, owner: Owner, embedding: str, parts: "Iterable[tuple[Sequence[MemoryRecord], Vectors]]"
    ) -> Iterator[int]:
        """Write an owner's rows; give how many there are, part by part."""
        counts: list[int] = []
        dimension = 0
        for number, (records, vectors) in enumerate(parts, start=1):
            lines = "".join(f"{json.dumps(written(record), ensure_ascii=False)}\n" for record in records)
            self._archive.writestr(f"{owner.digest}/{number}.jsonl", lines)
            self._archive.writestr(f"{owner.digest}/{number}.f32", vectors.astype("<f4").tobytes())
            counts.append(len(records))
            dimension = vectors.shape[1]
            yield sum(counts)
        self._kept.append(Kept(owner=owner, embedding=embedding, dimension=dimension, parts=tuple(counts)))

    def put_forgotten(self, digest: str, forgotten: Forgotten) -> None:
        """Write what was ever forgotten of an owner, who need not have anything now."""
        shape = {
            "ids": sorted(forgotten.ids),
            "versions": [[*key, at.isoformat()] for key, at in sorted(forgotten.versions.items())],
            "all_until": forgotten.all_until.isoformat() if forgotten.all_until else "",
        }
        self._archive.writestr(f"{digest}{_FORGOTTEN}", json.dumps(shape))

    def finish(self, *, at: datetime) -> None:
        """Write what is in it, and end."""
        contents = {"format": FORMAT, "made_at": shown(at), "owners": [_told(kept) for kept in self._kept]}
        self._archive.writestr(_CONTENTS, json.dumps(contents, ensure_ascii=False, indent=1))
        self._archive.close()


class Reader:
    """A backup that is whole. Raises StoreError when its file is not, or is no backup."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise StoreError(f"there is no file {path}") from error
        except OSError as error:
            raise StoreError(f"cannot read {path} ({error.strerror})") from error
        except zipfile.BadZipFile as error:
            raise self._damaged() from error
        with self._reading():
            damaged = self._archive.testzip()
            if damaged:
                raise ValueError(damaged)
            contents = json.loads(self._archive.read(_CONTENTS))
            if contents["format"] > FORMAT:
                raise StoreError(
                    f"{path} was made by a later version of Scrubjay (format {contents['format']}; this one reads "
                    f"{FORMAT}); nothing was restored"
                )
            self.owners = [_kept(told) for told in contents["owners"]]

    def rows(self, kept: Kept) -> list[list[MemoryRecord]]:
        """Return the rows of an owner, part by part, each with as many vectors."""
        with self._reading():
            return [self._part(kept, number, count) for number, count in enumerate(kept.parts, start=1)]

    def vectors(self, kept: Kept, number: int) -> "NDArray[np.float32]":
        """Return the vectors of a part (from 1), of shape (rows, dimension)."""
        import numpy as np

        with self._reading():
            flat = np.frombuffer(self._archive.read(f"{kept.owner.digest}/{number}.f32"), dtype="<f4")
            return flat.astype(np.float32).reshape(kept.parts[number - 1], kept.dimension)

    def forgotten(self) -> dict[str, Forgotten]:
        """Return what was forgotten when the backup was made, by the owner's digest."""
        with self._reading():
            names = [name for name in self._archive.namelist() if name.endswith(_FORGOTTEN)]
            return {name.removesuffix(_FORGOTTEN): self._forgotten(name) for name in names}

    def _forgotten(self, name: str) -> Forgotten:
        told = json.loads(self._archive.read(name))
        return Forgotten(
            ids=frozenset(told["ids"]),
            versions={(i, version): datetime.fromisoformat(at) for i, version, at in told["versions"]},
            all_until=moment(told["all_until"], field="all_until"),
        )

    def close(self) -> None:
        """Let go of the file."""
        self._archive.close()

    def _part(self, kept: Kept, number: int, count: int) -> list[MemoryRecord]:
        lines = self._archive.read(f"{kept.owner.digest}/{number}.jsonl").decode().split("\n")
        rows = [record_in(json.loads(line)) for line in lines if line]
        vectors = self._archive.getinfo(f"{kept.owner.digest}/{number}.f32").file_size
        if len(rows) != count or vectors != count * kept.dimension * _BYTES_OF_A_NUMBER:
            raise ValueError(f"part {number} is not whole")
        return rows

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except _UNREADABLE as error:
            raise self._damaged() from error

    def _damaged(self) -> StoreError:
        return StoreError(f"{self._path} is damaged, or is no backup of Scrubjay; nothing was restored from it")


@contextmanager
def new_backup(path: Path) -> Iterator[Writer]:
    """Give a backup to write, which takes the place of `path` when it is whole and on the disk.

    Raises InvalidInput when something else than a backup is there, StoreError when it cannot be written.
    """
    if path.exists() and not is_backup(path):
        raise InvalidInput("FILE", f"{str(path)!r} is there and is no backup; it was left as it is. Name another file")
    if not path.parent.is_dir():
        raise InvalidInput("FILE", f"{str(path)!r} is in a folder that is not there; make it first")
    try:
        with replacing(path) as file:
            yield Writer(file)
    except OSError as error:
        raise StoreError(f"cannot write the backup {path} ({error.strerror}); name another place") from error


def is_backup(path: Path) -> bool:
    """Whether a file is a backup of Scrubjay."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool({"format", "owners"} <= json.loads(archive.read(_CONTENTS)).keys())
    except (OSError, AttributeError, *_UNREADABLE):
        return False


def _told(kept: Kept) -> dict[str, Any]:
    owner = {"tenant": kept.owner.tenant, "scope": kept.owner.scope, "name": kept.owner.name}
    model = {"embedding": kept.embedding, "dimension": kept.dimension}
    return {"digest": kept.owner.digest, "owner": owner, **model, "parts": list(kept.parts)}


def _kept(told: dict[str, Any]) -> Kept:
    owner = told["owner"]
    return Kept(
        owner=Owner(tenant=owner["tenant"], scope=Scope(owner["scope"]), name=owner["name"]),
        embedding=told["embedding"],
        dimension=int(told["dimension"]),
        parts=tuple(int(count) for count in told["parts"]),
    )
