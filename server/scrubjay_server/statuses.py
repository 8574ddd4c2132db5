"""Which HTTP status tells which error of the engine, in the API and on the page alike."""

from collections.abc import Mapping

from scrubjay.errors import (
    ConfigurationError,
    EmbeddingError,
    InvalidInput,
    MemoryNotFound,
    NotAllowed,
    OwnerRequired,
    ScrubjayError,
    StoreError,
)

_STATUS_BY_ERROR: Mapping[type[ScrubjayError], int] = {
    InvalidInput: 422,
    OwnerRequired: 422,
    NotAllowed: 403,
    MemoryNotFound: 404,
    StoreError: 503,
    EmbeddingError: 503,
    ConfigurationError: 503,
}


def status_of(error: ScrubjayError) -> int:
    """Return the status of an error, 500 for one that nobody should see."""
    return next((_STATUS_BY_ERROR[kind] for kind in type(error).__mro__ if kind in _STATUS_BY_ERROR), 500)
