"""How commands print: readable lines, or JSON for programs."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from scrubjay.progress import Progress
from scrubjay.texts import one_line

_NAME_CHARS = 60


def show(shape: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print a result as JSON or as lines."""
    if as_json:
        click.echo(json.dumps(shape, ensure_ascii=False, indent=2))
    else:
        for line in lines:
            click.echo(line)


@contextmanager
def progress(doing: str) -> Iterator[Progress]:
    """Show a bar on standard error, in a terminal, as soon as there is something to tell."""
    with ExitStack() as stack:
        bars: list[Any] = []

        def told(done: int, of: int) -> None:
            if not bars and sys.stderr.isatty():
                bars.append(stack.enter_context(click.progressbar(length=of, label=doing, file=sys.stderr)))
            for bar in bars:
                bar.update(done - bar.pos)

        yield told


def stats_lines(shape: Mapping[str, Any]) -> Iterator[str]:
    """Give one line for each table that has anything."""
    tables = [table for table in shape["tables"] if table["rows"]]
    for table in tables:
        to_read = f", {table['pending']} still to be read for facts" if table["pending"] else ""
        yield (
            f"{table['scope']} {_named(table['name'])}: {_many(table['memories'], 'memory', 'memories')} in "
            f"{_many(table['rows'], 'version', 'versions')}{to_read}; {_size(table['bytes'])} in "
            f"{_many(table['states'], 'state', 'states')} of the table; "
            f"files last put in order: {table['maintained_at'] or 'not yet'}"
        )
    if not tables:
        yield "Nothing is remembered yet."


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _size(count: int) -> str:
    return f"{count / 1024**2:.1f} MiB" if count >= 1024**2 else f"{count / 1024:.0f} KiB"


def entity_line(shape: Mapping[str, Any]) -> str:
    """Return an entity on one line: its name, its other names, and how many memories name it."""
    also = f", also known as {', '.join(map(_named, shape['aliases']))}" if "aliases" in shape else ""
    count = len(shape["memory_ids"])
    return f"{_named(shape['name'])}{also}: {_many(count, 'memory', 'memories')}"


def relation_line(shape: Mapping[str, Any]) -> str:
    """Return a relation on one line: since when, until when, what is what to what, and the id of its fact."""
    until = f" until {shape['valid_to'][:10]}" if "valid_to" in shape else ""
    said = " ".join(_named(shape[part]) for part in ("subject", "predicate", "object"))
    return f"- [{shape['valid_from'][:10]}{until}] {said} (id {shape['memory_id']})"


def _named(name: str) -> str:
    return one_line(name, longest=_NAME_CHARS)
