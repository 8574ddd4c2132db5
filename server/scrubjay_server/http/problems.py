"""Errors as problem documents (RFC 9457): one line that says what to do, and never a stack trace."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

from scrubjay.errors import (
    ConfigurationError,
    EmbeddingError,
    EmbeddingMismatch,
    InvalidInput,
    MemoryNotFound,
    NotAllowed,
    OwnerRequired,
    ScrubjayError,
    StoreBusy,
    StoreError,
)

_STATUS_BY_ERROR: Mapping[type[ScrubjayError], int] = {
    InvalidInput: 422,
    OwnerRequired: 422,
    NotAllowed: 403,
    MemoryNotFound: 404,
    EmbeddingMismatch: 503,
    StoreBusy: 503,
    StoreError: 503,
    EmbeddingError: 503,
    ConfigurationError: 503,
}


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a problem document."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def status_of(error: ScrubjayError) -> int:
    """Return the HTTP status that an error of the engine is told with."""
    return next((_STATUS_BY_ERROR[kind] for kind in type(error).__mro__ if kind in _STATUS_BY_ERROR), 500)
