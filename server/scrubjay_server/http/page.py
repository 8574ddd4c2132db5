"""The page alone, for the person at this machine: nothing else is offered, since other accounts reach loopback too."""

import threading
import webbrowser

import click
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse

from scrubjay_server.dashboard.look import HOME
from scrubjay_server.dashboard.pages import pages
from scrubjay_server.dashboard.sessions import Codes
from scrubjay_server.http.connections import WholeBodies
from scrubjay_server.http.guards import KnownSite, base_url
from scrubjay_server.http.serving import bound, leave_when_told, run, url_of
from scrubjay_server.loading import EngineLoader, local_principal
from scrubjay_server.local import locally_served
from scrubjay_server.settings import Settings
from scrubjay_tools.host import Principal

_LOOPBACK = "127.0.0.1"


class AtHome:
    """A door for whoever can start this program over their own data folder; tokens are of no use here."""

    def __init__(self, settings: Settings) -> None:
        self._principal = local_principal(settings)

    def local(self) -> Principal:
        """Return the person who uses this machine."""
        return self._principal

    def by_token(self, text: str) -> None:  # noqa: ARG002 - whatever it is
        """Return nobody."""
        return

    def by_token_id(self, token_id: str) -> None:  # noqa: ARG002
        """Return nobody."""
        return


def serve_page(settings: Settings, *, port: int, open_browser: bool) -> None:
    """Serve the page on loopback until a signal says to stop; `port` 0 takes a free one.

    Its address works once: it is printed, and opened in the browser if that is wanted. Raises ConfigurationError.
    """
    leave_when_told()
    here = settings.model_copy(update={"host": _LOOPBACK, "port": port, "public_url": ""})
    listening = bound(here)
    loader = EngineLoader(here, lambda: locally_served(here))
    codes = Codes()
    guards = [Middleware(KnownSite, settings=here), Middleware(WholeBodies)]
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, middleware=guards)
    app.include_router(pages(loader, AtHome(here), codes, base_url(here)))
    app.add_route("/", lambda _: RedirectResponse(HOME), include_in_schema=False)
    address = f"{url_of(listening)}{HOME}?code={codes.issue()}"
    click.echo(f"What Scrubjay knows about {here.user_id}: {address}")
    click.echo("The address works once. Ctrl-C ends it.", err=True)
    if open_browser:  # a browser that runs in the terminal keeps its thread
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
    run(app, listening, loader, log_level=here.log_level)
