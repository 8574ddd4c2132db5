"""What every answer of the page has in common: strict headers, and a calm page where something went wrong."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from scrubjay.errors import (
    ConfigurationError,
    EmbeddingError,
    MemoryNotFound,
    NotAllowed,
    ScrubjayError,
    StoreBusy,
    StoreError,
)
from scrubjay_server.dashboard.look import page
from scrubjay_server.dashboard.visiting import Visitors
from scrubjay_server.statuses import status_of

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
_SENTENCES: Mapping[type[ScrubjayError], str] = {
    NotAllowed: "The token you signed in with does not allow this.",
    MemoryNotFound: "There is no such memory, or no longer.",
    StoreBusy: "Somebody else is writing to your memory just now. Please try again in a moment.",
    StoreError: "Your memory cannot be read or written just now. Nothing was half-done.",
    EmbeddingError: "The part that understands what words mean is not working just now.",
    ConfigurationError: "A setting of the server is wrong; whoever runs it finds the reason in its log.",
}
"""What is said of an error; of the others, their own words."""

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
                    response = await answer(request)
                except (ScrubjayError, HTTPException, RequestValidationError) as error:
                    response = await run_in_threadpool(trouble, visitors, error)
                response.headers.update(HEADERS)
                response.headers.setdefault("Cache-Control", "no-store")
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
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    said = str(error)
    own_words = f"{said[:1].upper()}{said[1:]}."
    sentence = next((_SENTENCES[kind] for kind in type(error).__mro__ if kind in _SENTENCES), own_words)
    return status_of(error) if isinstance(error, ScrubjayError) else 500, sentence
