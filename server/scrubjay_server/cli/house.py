"""The commands that look after the data folder: how much is in it, backups, and its embedding model."""

from pathlib import Path

import click

from scrubjay.journeys import archiving
from scrubjay.journeys.measuring import measure
from scrubjay.journeys.reembedding import reembed as reembed_everything
from scrubjay.memory import default_folder
from scrubjay.results import stats_shape
from scrubjay_server.cli.options import json_option, with_settings
from scrubjay_server.cli.output import progress, show, stats_lines
from scrubjay_server.local import build_memory, local_caller
from scrubjay_server.settings import Settings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@json_option
@with_settings
def stats(settings: Settings, as_json: bool) -> None:
    """Show how much is remembered about you and by your assistant, and how much room it takes."""
    with build_memory(settings, origin="cli") as memory:
        shape = stats_shape(measure(memory.engine, local_caller(settings)))
    folder = settings.folder or default_folder()
    show({"folder": str(folder), **shape}, [f"Data folder: {folder}", *stats_lines(shape)], as_json=as_json)


@click.command()
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


@click.command()
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


COMMANDS = (stats, backup, restore, reembed)
