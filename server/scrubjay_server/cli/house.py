"""The commands that look after the data folder: how much is in it, backups, exports, and its embedding model."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from scrubjay.disk import replacing
from scrubjay.errors import InvalidInput
from scrubjay.journeys import archiving
from scrubjay.journeys.exporting import everything_held
from scrubjay.journeys.measuring import measure
from scrubjay.journeys.reembedding import reembed as reembed_everything
from scrubjay.memory import default_folder
from scrubjay.results import held_line, stats_shape
from scrubjay_server.cli.options import json_option, with_settings
from scrubjay_server.cli.output import progress, show, stats_lines
from scrubjay_server.local import build_memory, local_caller
from scrubjay_server.settings import Settings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Show how much is remembered, and the room it takes.")
@json_option
@with_settings
def stats(settings: Settings, as_json: bool) -> None:
    """Show how much is remembered about you and by your assistant, and how much room it takes."""
    with build_memory(settings, origin="cli") as memory:
        shape = stats_shape(measure(memory.engine, local_caller(settings)))
    folder = settings.folder or default_folder()
    show({"folder": str(folder), **shape}, [f"Data folder: {folder}", *stats_lines(shape)], as_json=as_json)


@click.command(short_help="Write the memories of all users into one file.")
@click.argument("file", type=_FILE)
@json_option
@with_settings
def backup(settings: Settings, file: Path, as_json: bool) -> None:
    """Write all memories of all users in the data folder into FILE, while servers run.

    FILE holds texts, readable by whoever can read it. An older backup at its place is replaced when the new one is
    whole.
    """
    with build_memory(settings, origin="cli") as memory, progress("Writing") as told:
        done = archiving.backup(memory.engine, file, told)
    shape = {"file": str(file), "owners": done.owners, "rows": done.rows}
    show(shape, [f"Wrote {done.rows} versions of memories of {done.owners} owners to {file}."], as_json=as_json)


@click.command()
@click.argument("file", type=_FILE)
@json_option
@with_settings
def restore(settings: Settings, file: Path, as_json: bool) -> None:
    """Put back from FILE what is missing, while servers run.

    What is there stays, unless the backup has later versions of it. What was forgotten since the backup is not brought
    back.
    """
    with build_memory(settings, origin="cli") as memory, progress("Restoring") as told:
        done = archiving.restore(memory.engine, file, told)
    shape = {"written": done.written, "known": done.known, "left_out": done.left_out}
    left_out = f"left out, as forgotten or expired: {done.left_out}"
    line = f"Versions of memories restored: {done.written}; there already: {done.known}; {left_out}."
    show(shape, [line], as_json=as_json)


@click.command(short_help="Give all memories vectors of another embedding model.")
@json_option
@with_settings
def reembed(settings: Settings, as_json: bool) -> None:
    """Give all memories vectors of the current embedding model, while servers run.

    What was done is kept when it is interrupted. Servers go on with the old model until it takes the new one's place;
    then they have to be started with the new setting.
    """
    with build_memory(settings, origin="cli") as memory, progress("Embedding") as told:
        changed = reembed_everything(memory.engine, told)
        signature = memory.embedder.signature
    shape = {"changed": changed, "embedding": signature}
    done = f"{changed} tables have new vectors, of" if changed else "Nothing to do: all memories have vectors of"
    show(shape, [f"{done} {signature}."], as_json=as_json)


@click.command(short_help="Write everything that is held about you to a file.")
@click.argument("file", type=_FILE, required=False)
@with_settings
def export(settings: Settings, file: Path | None) -> None:
    """Write everything that is held about you as JSON Lines, to FILE or standard output.

    Every version of every memory, sessions included, and what you taught assistants. FILE is readable by you alone; an
    older one at its place is replaced when the new one is whole.
    """
    with build_memory(settings, origin="cli") as memory:
        held = everything_held(memory.engine, local_caller(settings))
        lines = (held_line(record).encode() for record in held)
        if file is None:
            sys.stdout.buffer.writelines(lines)
            return
        count = _write_whole(file, lines)
    click.echo(f"Wrote {count} versions of memories about {settings.user_id} to {file}.")


def _write_whole(path: Path, lines: Iterable[bytes]) -> int:
    """Write lines into a private file, which takes the place of `path` when it is whole; return how many."""
    count = 0
    try:
        with replacing(path) as file:
            for count, line in enumerate(lines, start=1):  # noqa: B007 - it is the number of lines in the end
                file.write(line)
    except OSError as error:
        raise InvalidInput("FILE", f"{path} cannot be written ({error})") from error
    return count


COMMANDS = (stats, backup, restore, reembed, export)
