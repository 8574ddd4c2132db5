"""What every answer of the page has in common: strict headers, and a calm page where something went wrong."""

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as RoutingException
from starlette.requests import Request
from starlette.responses import Response

from scrubjay.errors import (
    ConfigurationError,
    EmbeddingError,
    InvalidInput,
    MemoryNotFound,
    NotAllowed,
    OwnerRequired,
    ScrubjayError,
    StoreBusy,
    StoreError,
)
from scrubjay_server.dashboard.look import page
from scrubjay_server.dashboard.visiting import Visitors

logger = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that, browsers call the origin of our own forms "null", and no foreign one could be told.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_UNKEPT = {"Cache-Control": "no-store"}
_MOST_BODY_BYTES = 4 << 20
_TOLD: tuple[tuple[type[ScrubjayError], int, str], ...] = (
    (NotAllowed, 403, "The token you signed in with does not allow this."),
    (MemoryNotFound, 404, "There is no such memory, or no longer."),
    (InvalidInput, 422, ""),
    (OwnerRequired, 422, ""),
    (StoreBusy, 503, "Somebody else is writing to your memory just now. Please try again in a moment."),
    (StoreError, 503, "Your memory cannot be read or written just now. Nothing was half-done."),
    (EmbeddingError, 503, "The part that understands what words mean is not working just now."),
    (ConfigurationError, 503, "A setting of the server is wrong; whoever runs it finds the reason in its log."),
)
"""Status and sentence by error; "" for the error's own words."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def calm_route(visitors: Visitors) -> type[APIRoute]:
    """Return the kind of route that all pages are; the visitors are there for what answers."""

    class CalmRoute(APIRoute):
        """A route whose answers carry the headers, and whose errors are pages."""

        def get_route_handler(self) -> Handler:
            """Return what answers a request."""
            answer = super().get_route_handler()

            async def calm(request: Request) -> Response:
                request.state.visitors = visitors
                try:
                    _refuse_what_is_too_large(request)
                    response = await answer(request)
                except (ScrubjayError, RoutingException, RequestValidationError) as error:
                    response = await run_in_threadpool(trouble, visitors, error)
                response.headers.update(HEADERS)
                for name, value in _UNKEPT.items():
                    response.headers.setdefault(name, value)
                return response

            return calm

    return CalmRoute


def trouble(visitors: Visitors, error: Exception) -> Response:
    """Return the page for an error: its status, and one sentence that says what is the matter."""
    status, sentence = _told(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("a page could not be shown: %s", error)
    if status == HTTPStatus.UNAUTHORIZED:
        return sign_in_page(visitors, status=status, problem="")
    response = page("trouble.html", status, title=HTTPStatus(status).phrase, sentence=sentence)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


def sign_in_page(visitors: Visitors, *, status: int, problem: str) -> Response:
    """Return the page that says how to come in: with a token, or through `scrubjay dashboard`."""
    response = page("sign_in.html", status, local=visitors.are_local, problem=problem)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="scrubjay"'
    return response


def _told(error: Exception) -> tuple[int, str]:
    if isinstance(error, RequestValidationError):
        return 422, "What was sent is not what this page asked for."
    if isinstance(error, RoutingException):
        return error.status_code, str(error.detail)
    status, sentence = next(((status, said) for kind, status, said in _TOLD if isinstance(error, kind)), (500, ""))
    said = str(error)
    return status, sentence or f"{said[:1].upper()}{said[1:]}."


def _refuse_what_is_too_large(request: Request) -> None:
    """Raise HTTPException before a body is read that is too large, or does not say how large it is."""
    if request.method != "POST":
        return
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411, "What was sent does not say how long it is.")
    if int(length) > _MOST_BODY_BYTES:
        raise HTTPException(413, "That is too much at once.")
