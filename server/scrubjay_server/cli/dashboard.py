"""The command dashboard, which opens the page "What I know about you"."""

import click

from scrubjay_server.cli.options import with_settings
from scrubjay_server.settings import Settings


@click.command(short_help="Open the page that shows what is known about you.")
@click.option("--browser/--no-browser", "open_browser", default=True, help="Open it in the browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="By default a free one.")
@with_settings
def dashboard(settings: Settings, open_browser: bool, port: int) -> None:
    """Open the page that shows what is known about you, to correct it, to have it forgotten, or to take it along.

    It is served on this machine alone, until Ctrl-C, and opens with an address that works once.
    """
    from scrubjay_server.http.page import serve_page

    serve_page(settings, port=port, open_browser=open_browser)
