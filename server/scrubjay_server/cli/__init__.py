"""The command `scrubjay`."""

import sys
from pathlib import Path
from typing import Any

import click

from scrubjay.errors import ScrubjayError
from scrubjay_server.settings import Settings, load_settings


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scrubjay")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the memories.")
@click.option("--user-id", help="Whose memories; by default the system account's.")
@click.option("--agent-id", help="Which assistant's own memories.")
@click.option("--embedding-model", help="A fastembed model name or a folder; by default the bundled model.")
@click.option("--log-level", help="DEBUG, INFO, WARNING, ERROR or CRITICAL.")
@click.pass_context
def cli(context: click.Context, /, **flags: Any) -> None:
    """Persistent memory for AI assistants.

    On a pipe, without a command, it is the MCP server; in a terminal it shows this help.
    """
    context.obj = load_settings(**flags)
    if context.invoked_subcommand is None:
        if sys.stdin.isatty():
            click.echo(context.get_help())
        else:
            _serve(context.obj)


@cli.command()
@click.option("--transport", type=click.Choice(["stdio"]), default="stdio", show_default=True)
@click.pass_obj
def serve(settings: Settings, transport: str) -> None:  # noqa: ARG001 - there is one so far
    """Serve MCP to one client on standard input and output."""
    _serve(settings)


def _serve(settings: Settings) -> None:
    from scrubjay_server.app import serve_stdio

    serve_stdio(settings)


def main() -> None:
    """Run the command; an error of ours is one line on standard error and exit status 1."""
    from scrubjay_server.cli import doctor, memories

    for command in (*memories.COMMANDS, doctor.doctor):
        cli.add_command(command)
    try:
        cli(prog_name="scrubjay")
    except ScrubjayError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
