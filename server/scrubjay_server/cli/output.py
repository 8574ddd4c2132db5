"""How commands print: readable lines, or JSON for programs."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from scrubjay.texts import one_line

_NAME_CHARS = 60


def show(shape: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print a result as JSON or as lines."""
    if as_json:
        click.echo(json.dumps(shape, ensure_ascii=False, indent=2))
    else:
        for line in lines:
            click.echo(line)


def entity_line(shape: Mapping[str, Any]) -> str:
    """Return an entity on one line: its name, its other names, and how many memories name it."""
    also = f", also known as {', '.join(map(_named, shape['aliases']))}" if "aliases" in shape else ""
    count = len(shape["memory_ids"])
    return f"{_named(shape['name'])}{also}: {count} {'memory' if count == 1 else 'memories'}"


def relation_line(shape: Mapping[str, Any]) -> str:
    """Return a relation on one line: since when, until when, what is what to what, and the id of its fact."""
    until = f" until {shape['valid_to'][:10]}" if "valid_to" in shape else ""
    said = " ".join(_named(shape[part]) for part in ("subject", "predicate", "object"))
    return f"- [{shape['valid_from'][:10]}{until}] {said} (id {shape['memory_id']})"


def _named(name: str) -> str:
    return one_line(name, longest=_NAME_CHARS)
