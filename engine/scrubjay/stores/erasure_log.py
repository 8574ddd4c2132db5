"""What was erased, by ids and times and never by text.

Written before anything is touched, it lets an erasure outlive a kill; kept for good, it keeps a restored backup from
bringing back what was forgotten.
"""

import json
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from scrubjay.disk import append
from scrubjay.erasures import Erasure, Forgotten, Proof
from scrubjay.moments import moment
from scrubjay.stores.markers import Markers

_BEGUN, _DONE, _NOTED = "begun", "done", "noted"


class ErasureLog:
    """One append-only file per owner, `<digest>.jsonl`; used under the owner's lock.

    An erasure has two lines: what it takes, and that it is done. Every method that writes returns when it is on the
    disk.
    """

    def __init__(self, folder: Path, *, unfinished: Markers) -> None:
        self._folder = folder
        self._unfinished = unfinished

    def begin(self, name: str, erasure: Erasure, *, at: datetime) -> None:
        """Note what is going to be erased."""
        self._unfinished.set(name)  # before the line: a marker too many only costs a look
        self._append(name, {"event": _BEGUN, "at": at.isoformat(), **_written(erasure)})

    def end(self, name: str, proof: Proof, *, at: datetime) -> None:
        """Note that it is gone."""
        self._append(name, {"event": _DONE, "at": at.isoformat(), "files_removed": proof.files_removed})
        self._unfinished.clear(name)

    def note(self, name: str, forgotten: Forgotten, *, at: datetime) -> None:
        """Note what was erased elsewhere, in the folder that a backup was made of, as far as it is not known."""
        known = self.erased(name)
        new = Erasure(
            ids=tuple(sorted(forgotten.ids - known.ids)),
            versions=tuple(sorted(forgotten.versions - known.versions)),
        )
        if new.ids or new.versions:
            self._append(name, {"event": _NOTED, "at": at.isoformat(), **_written(new)})
        until = forgotten.all_until
        if until is not None and (known.all_until is None or known.all_until < until):
            unread = Erasure(everything=True, unread=True)
            self._append(name, {"event": _NOTED, "at": until.isoformat(), **_written(unread)})

    def unfinished(self, name: str) -> Erasure | None:
        """Return what was begun and is not done, None if there is nothing."""
        if self._unfinished.note(name) is None:
            return None
        own = (line for line in self._lines(name) if line["event"] != _NOTED)
        last = next(iter(deque(own, maxlen=1)), None)
        if last is not None and last["event"] == _BEGUN:
            return _read(last)
        self._unfinished.clear(name)
        return None

    def names_unfinished(self) -> list[str]:
        """Return the digests of the owners who may have an erasure that was interrupted."""
        return self._unfinished.names()

    def erased(self, name: str) -> Forgotten:
        """Return everything that was ever erased of an owner."""
        ids: set[str] = set()
        versions: set[tuple[str, int]] = set()
        all_until: datetime | None = None
        for line in self._lines(name):
            erasure = _read(line)
            ids.update(erasure.ids)
            versions.update(erasure.versions)
            if erasure.unread:
                at = moment(line["at"], field="at")
                all_until = max(filter(None, (all_until, at)), default=None)
        return Forgotten(ids=frozenset(ids), versions=frozenset(versions), all_until=all_until)

    def _append(self, name: str, line: dict[str, Any]) -> None:
        append(self._path(name), json.dumps(line))

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Give the lines, without one that a killed writer left half: what it told of was not begun."""
        try:
            written = self._path(name).read_bytes()
        except FileNotFoundError:
            return
        for line in written.splitlines():
            try:
                parsed = json.loads(line)
            except ValueError:
                continue
            if isinstance(parsed, dict) and "event" in parsed:
                yield parsed

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"


def _written(erasure: Erasure) -> dict[str, Any]:
    shape: dict[str, Any] = {"ids": list(erasure.ids), "versions": [list(key) for key in erasure.versions]}
    shape |= {"everything": erasure.everything, "unread": erasure.unread}
    return {name: value for name, value in shape.items() if value}


def _read(line: dict[str, Any]) -> Erasure:
    return Erasure(
        ids=tuple(line.get("ids", ())),
        versions=tuple((memory_id, version) for memory_id, version in line.get("versions", ())),
        everything=line.get("everything", False),
        unread=line.get("unread", False),
    )
