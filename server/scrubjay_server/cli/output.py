"""How commands print: readable lines, or JSON for programs."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click


def show(shape: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print a result as JSON or as lines."""
    if as_json:
        click.echo(json.dumps(shape, ensure_ascii=False, indent=2))
    else:
        for line in lines:
            click.echo(line)
