"""Whether anything of a text is left in a data folder: in the bytes of any file, decoded or in a dictionary of words.

A word can hide from grep in three ways. Lance packs strings, so its files are decoded as well, with pylance (every
column, every buffer, the schema's metadata). A full-text index keeps its words in a finite state transducer, where none
stands in one piece, so these are walked word by word (`transducers`). And a vector gives away what it was made of.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from lance.file import LanceFileReader
from transducers import Transducer

Search = Callable[[bytes], Iterator[str]]

_BEGINNING = 2
_DICTIONARY = "_token_fst_bytes"
_ROWS_AT_ONCE = 8_192
RAW, DECODED, DICTIONARY, METADATA = "raw", "decoded", "dictionary", "metadata"


@dataclass(frozen=True)
class Trace:
    """Something that was looked for, the file it is in, and how it was seen there: raw, decoded or in a dictionary."""

    what: str
    path: Path
    seen: str


@dataclass(frozen=True)
class Wanted:
    """What is looked for: words, as they are said and as an index holds them, and pieces of bytes by a name.

    Words that are equally long and begin alike are found in one pass, however many; each piece costs a pass.
    """

    words: frozenset[str]
    pieces: dict[str, bytes] = field(default_factory=dict)

    def searching(self) -> Search:
        """Return a function that gives the names of what is in some bytes."""
        alike: dict[tuple[bytes, int], set[bytes]] = {}
        for word in self.words:
            encoded = word.encode()
            alike.setdefault((encoded[:_BEGINNING], len(encoded)), set()).add(encoded)
        passes = [
            (
                beginning,
                endings,
                re.compile(re.escape(beginning) + b"(?=(.{%d}))" % (length - len(beginning)), re.DOTALL),
            )
            for (beginning, length), words in alike.items()
            for endings in [{word[_BEGINNING:] for word in words}]
        ]

        def search(content: bytes) -> Iterator[str]:
            for beginning, endings, pattern in passes:
                yield from ((beginning + end).decode() for end in endings.intersection(pattern.findall(content)))
            yield from (name for name, piece in self.pieces.items() if piece in content)

        return search


def traces(folder: Path, wanted: Wanted, *, apart_from: Sequence[str] = ()) -> list[Trace]:
    """Return where anything of it is left in a folder and its folders; not in the folders named `apart_from`.

    Each file is read once, whatever is looked for.
    """
    search = wanted.searching()
    found: set[Trace] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not set(path.relative_to(folder).parts[:-1]) & set(apart_from):
            found |= set(_in_file(path, wanted, search))
    return sorted(found, key=lambda trace: (trace.what, str(trace.path), trace.seen))


def _in_file(path: Path, wanted: Wanted, search: Search) -> Iterator[Trace]:
    content = path.read_bytes()
    yield from (Trace(what, path, RAW) for what in search(content))
    if path.suffix != ".lance" or not content.endswith(b"LANC"):
        return
    reader = LanceFileReader(str(path))
    described = " ".join(f"{key!r} {value!r}" for key, value in (reader.metadata().schema.metadata or {}).items())
    yield from (Trace(what, path, METADATA) for what in search(described.encode()))
    for batch in reader.read_all(batch_size=_ROWS_AT_ONCE).to_batches():
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name == _DICTIONARY:
                yield from (Trace(what, path, DICTIONARY) for what in _in_dictionaries(column, wanted))
            for buffer in _buffers(column):
                yield from (Trace(what, path, DECODED) for what in search(buffer.to_pybytes()))


def _buffers(column: pa.Array) -> Iterator[pa.Buffer]:
    """Give every buffer of a column, of what is nested in it and of its dictionary."""
    yield from (buffer for buffer in column.buffers() if buffer is not None)
    if pa.types.is_dictionary(column.type):
        yield from _buffers(column.dictionary)


def _in_dictionaries(column: pa.Array, wanted: Wanted) -> Iterator[str]:
    for content in column.to_pylist():
        if content:
            dictionary = Transducer(content)
            yield from (word for word in wanted.words if word in dictionary)


def dictionaries(folder: Path) -> Iterator[Transducer]:
    """Give the dictionary of words of every part of every full-text index in a folder and its folders."""
    for path in sorted(folder.rglob("*tokens.lance")):
        for batch in LanceFileReader(str(path)).read_all().to_batches():
            if _DICTIONARY in batch.schema.names:
                yield from (Transducer(content) for content in batch[_DICTIONARY].to_pylist() if content)
