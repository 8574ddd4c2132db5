"""Small files, one per owner, that say who has some kind of work waiting: so nobody has to open every table."""

from pathlib import Path

from scrubjay.disk import put


class Markers:
    """The markers of one kind of work, in a folder of their own; a file's name is the owner's digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def set(self, name: str, note: str = "") -> None:
        """Return when the marker is there with this note, on the disk."""
        if self.note(name) != note:
            put(self._folder / name, note)

    def note(self, name: str) -> str | None:
        """Return what the marker says, None when there is none."""
        try:
            return self._folder.joinpath(name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def clear(self, name: str) -> None:
        """Take the marker away; one that comes back after a power cut only costs a look."""
        self._folder.joinpath(name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Return the digests of the owners who are marked; what is no file of ours is passed over."""
        return sorted(path.name for path in self._folder.iterdir() if path.suffix != ".new" and path.is_file())
