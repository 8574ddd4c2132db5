"""How a person comes in, with a token or a code, and how they leave."""

from typing import Annotated

from fastapi import Form, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from scrubjay_server.dashboard.calm import sign_in_page
from scrubjay_server.dashboard.look import HOME, page, static_files
from scrubjay_server.dashboard.reading import Done, overview
from scrubjay_server.dashboard.visiting import Changing, refuse_foreign_form, visit_of, visitors_of

_SEE_OTHER = 303
_MOST_TOKEN_CHARS = 500
_NOT_GOOD = "This token is not good: it may be mistyped, expired or revoked."
_USED = "This link has been used, or is not from here. `scrubjay dashboard` opens a new one."


def home(request: Request, code: str = "", done: Done = "") -> Response:
    """Show the page to whoever is signed in; a code signs its bearer in, once, and is gone from the address."""
    visitors = visitors_of(request)
    if not code:
        return overview(visit_of(request), done)
    if not visitors.redeem(code):
        return sign_in_page(visitors, status=401, problem=_USED)
    return visitors.sign_in(request, RedirectResponse(HOME, _SEE_OTHER), token_id="")


def sign_in_form(request: Request) -> Response:
    """Show how to come in."""
    return sign_in_page(visitors_of(request), status=200, problem="")


def sign_in(request: Request, token: Annotated[str, Form(max_length=_MOST_TOKEN_CHARS)] = "") -> Response:
    """Sign in the holder of a token."""
    refuse_foreign_form(request)
    visitors = visitors_of(request)
    token_id = visitors.token_id_of(token.strip())
    if token_id is None:
        return sign_in_page(visitors, status=401, problem=_NOT_GOOD)
    return visitors.sign_in(request, RedirectResponse(HOME, _SEE_OTHER), token_id)


def sign_out(request: Request, visit: Changing) -> Response:  # noqa: ARG001 - it makes sure whose form it is
    """Sign out."""
    return visitors_of(request).sign_out(request, page("signed_out.html", local=visitors_of(request).are_local))


def static(name: Annotated[str, Path(max_length=64)]) -> Response:
    """Send one of the few files that pages load; its address changes when it does."""
    file = static_files().get(name)
    if file is None:
        return page("trouble.html", 404, title="Not Found", sentence="There is nothing here.")
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(file.content, media_type=file.media_type, headers=kept)


def nowhere() -> Response:
    """Say that there is no such page."""
    return page("trouble.html", 404, title="Not Found", sentence="There is no such page.")
