"""The command `scrubjay`."""

import sys
from typing import Literal

import click

from scrubjay.errors import ScrubjayError
from scrubjay_server.cli.options import address_options, with_settings
from scrubjay_server.settings import Settings


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scrubjay")
@with_settings
@click.pass_context
def cli(context: click.Context, /, settings: Settings) -> None:
    """Persistent memory for AI assistants.

    On a pipe, without a command, it is the MCP server; in a terminal it shows this help.
    """
    if context.invoked_subcommand is None:
        if sys.stdin.isatty():
            click.echo(context.get_help())
        else:
            _serve(settings)


@cli.command(short_help="Serve MCP to one client, or to many people over HTTP.")
@click.option(
    "--transport",
    type=click.Choice(["stdio", "http", "sse"]),
    default="stdio",
    show_default=True,
    help="How clients reach it.",
)
@address_options
@with_settings
def serve(settings: Settings, transport: Literal["stdio", "http", "sse"]) -> None:
    """Serve MCP to one client on standard input and output, or to many people over HTTP.

    http: Streamable HTTP at /mcp, the older SSE at /sse, the REST API at /api/v1, the page at /dashboard. sse: only
    SSE. Without tokens (`scrubjay token create`) only this machine is listened to, and everybody on it is you.
    """
    if transport == "stdio":
        _serve(settings)
    else:
        from scrubjay_server.http.serving import serve_http

        serve_http(settings, transport=transport)


def _serve(settings: Settings) -> None:
    from scrubjay_server.stdio import serve_stdio

    if sys.stdin.isatty():
        click.echo("Waiting for an MCP client on standard input; Ctrl-D or Ctrl-C ends it.", err=True)
    serve_stdio(settings)


def main() -> None:
    """Run the command; an error of ours is one line on standard error and exit status 1."""
    from scrubjay_server.cli import dashboard, doctor, house, memories, token

    for command in (*memories.COMMANDS, *house.COMMANDS, doctor.doctor, token.token, dashboard.dashboard):
        cli.add_command(command)
    try:
        cli(prog_name="scrubjay")
    except ScrubjayError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
