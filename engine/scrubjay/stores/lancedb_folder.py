"""The folder of one LanceDB table, as files: what is in it, how far it is on the disk, and what a power cut tore.

LanceDB syncs nothing itself; Scrubjay syncs what is new before it acknowledges a write. So after a power cut the newest
version may be torn if it was not acknowledged yet, and only then it is left aside for the one before it.
"""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from scrubjay.disk import files_below, put
from scrubjay.errors import InvalidInput, StoreError
from scrubjay.moments import moment, shown

logger = logging.getLogger(__name__)

_OURS = "_scrubjay"  # LanceDB does not look into it
_NOTES = "notes.json"
_TORN = "torn"
_WHOLE_FILES_END_WITH = {".lance": b"LANC", ".manifest": b"LANC", ".arrow": b"ARROW1", ".bin": b""}
_LAST_VERSION = 2**64 - 1  # a manifest is named after how far its version is from this, so the newest sorts first
_LEFT_BY_THE_KILLED = (".tmp*", "*#*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What is known about a table from one process to the next.

    `synced`: the last version that is on the disk for sure; what is beyond it was written by somebody who was killed.
    `tended`: the version after the last maintenance, which was at `tended_at` (ISO 8601).
    """

    synced: int = 0
    tended: int = 0
    tended_at: str = ""


class TableFolder:
    """A table's folder; it need not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifests = path / "_versions"

    @property
    def stamp(self) -> tuple[int, int] | None:
        """What tells the folder from another one made in its place; None when there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def is_committed(self) -> bool:
        """Whether a table was ever committed here; its maker may have been killed before that."""
        return any(self.manifests.glob("*.manifest"))

    def files(self) -> set[Path]:
        """Return the table's files, without our notes."""
        return {path for path in files_below(self.path) if not path.name.startswith(_NOTES)}

    def left_by_the_killed(self) -> list[Path]:
        """Return files that a killed writer left half-written, which LanceDB never removes."""
        return [path for pattern in _LEFT_BY_THE_KILLED for path in self.path.rglob(pattern)]

    def notes(self) -> Notes:
        """Return the notes; a table without readable ones has the first."""
        try:
            known = json.loads(self.path.joinpath(_OURS, _NOTES).read_bytes())
            moment(known["tended_at"], field="tended_at")
            return Notes(synced=int(known["synced"]), tended=int(known["tended"]), tended_at=known["tended_at"])
        except (OSError, ValueError, KeyError, TypeError, InvalidInput):
            return Notes()

    def note(self, notes: Notes) -> None:
        """Write the notes as a whole; after a power cut older ones may be there, which say less, and nothing wrong."""
        self.path.joinpath(_OURS).mkdir(mode=0o700, exist_ok=True)
        put(self.path / _OURS / _NOTES, json.dumps(asdict(notes)), durably=False)

    def note_tended(self, version: int) -> None:
        """Note that the table was tended to just now, and is at this version."""
        self.note(replace(self.notes(), tended=version, tended_at=shown(datetime.now(UTC))))

    def versions(self) -> list[Path]:
        """Return the manifests of the versions that are kept, newest first."""
        return sorted(self.manifests.glob("*.manifest"))

    def newest_manifest(self) -> bytes:
        """Return what the newest version's manifest says; nothing when there is none, or it is not whole."""
        newest = next(iter(self.versions()), None)
        try:
            return newest.read_bytes() if newest is not None and _is_whole(newest) else b""
        except FileNotFoundError:
            return b""

    def torn(self, among: Iterable[Path] | None = None) -> set[Path]:
        """Return files (by default of all) that are not whole, which most files of LanceDB tell at their end."""
        files = self.files() if among is None else among
        known = [path for path in files if path.suffix in _WHOLE_FILES_END_WITH and path.parent.name != _TORN]
        return {path for path in known if not _is_whole(path)}

    def torn_indexes(self) -> set[Path]:
        """Return files of indexes that are not whole."""
        return {path for path in self.torn() if "_indices" in path.parts}

    def lay_aside_torn_versions(self) -> None:
        """Lay aside newer versions than the newest whole one, if none of them was acknowledged, and their torn files.

        A torn file of a version whose manifest was never written goes as well: the name of a deletion file tells only
        which versions it may belong to, and later ones are to be none of them. To be called under the lock. Raises
        StoreError, and changes nothing, when what was acknowledged is damaged.
        """
        torn = self.torn() - self.torn_indexes()
        newer: list[Path] = []
        for manifest in self.versions():
            if not self._needs(manifest, torn):
                break
            newer.append(manifest)
        else:
            if self.path.joinpath(_OURS, _NOTES).exists():
                raise self._damaged(torn)
            logger.warning("%s: nothing of it was written whole, and nothing was acknowledged", self.path.name)
            self.lay_aside({*newer, *torn})
            return
        if newer and _version(manifest) < self.notes().synced:
            raise self._damaged(torn)
        self.lay_aside({*newer, *torn})
        if newer:
            logger.warning(
                "%s: version %d was not written whole (the power was cut?) and had not been acknowledged; it was laid "
                "aside in %s, and the memories are as of version %d",
                self.path.name,
                _version(newer[0]),
                f"{_OURS}/{_TORN}",
                _version(manifest),
            )

    def lay_aside(self, paths: Iterable[Path]) -> None:
        """Move files to where LanceDB does not look; the next erasure removes them."""
        aside = self.path / _OURS / _TORN
        for path in paths:
            aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.replace(aside / f"{path.parent.name}-{path.name}")

    def take_back(self, paths: Iterable[Path]) -> None:
        """Remove files of versions that were committed and not acknowledged, those that make them visible first.

        When nothing else would be left of the table, they stay.
        """
        new = set(paths)
        if self.notes().synced and new.issuperset(self.versions()):
            return
        for path in sorted(new, key=lambda path: path.parent != self.manifests):
            path.unlink(missing_ok=True)

    def _needs(self, manifest: Path, torn: set[Path]) -> bool:
        """Whether a version is torn itself, or made of a torn file."""
        if manifest in torn:
            return True
        told = manifest.read_bytes()
        return any(_is_part(path, told, _version(manifest)) for path in torn)

    def _damaged(self, torn: set[Path]) -> StoreError:
        names = ", ".join(sorted(path.relative_to(self.path).as_posix() for path in torn)[:3])
        return StoreError(
            f"a file of these memories is damaged ({self.path.name}/{names}); nothing was changed. "
            "Move that folder away and run `scrubjay restore` with a backup"
        )


def _version(manifest: Path) -> int:
    return _LAST_VERSION - int(manifest.stem)


def _is_part(path: Path, manifest: bytes, version: int) -> bool:
    """Whether a version is made of a file: manifests name data files, and deletion files tell for which they are."""
    if path.parent.name == "data":
        return path.stem.encode() in manifest
    if path.parent.name == "_deletions":
        return version > int(path.stem.split("-")[1])
    return False


def _is_whole(path: Path) -> bool:
    ending = _WHOLE_FILES_END_WITH[path.suffix]
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - len(ending)))
            return size > 0 and file.read(len(ending)) == ending
    except FileNotFoundError:
        return True
