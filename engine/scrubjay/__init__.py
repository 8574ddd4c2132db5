"""Scrubjay: persistent memory for AI assistants."""

from scrubjay.errors import (
    ConfigurationError,
    EmbeddingError,
    EmbeddingMismatch,
    InvalidInput,
    MemoryNotFound,
    ModelUnavailable,
    NotAllowed,
    OwnerRequired,
    ScrubjayError,
    StoreBusy,
    StoreError,
)
from scrubjay.memory import Memory
from scrubjay.types import MemoryRecord, Scope

__version__ = "0.1.0"

__all__ = [
    "ConfigurationError",
    "EmbeddingError",
    "EmbeddingMismatch",
    "InvalidInput",
    "Memory",
    "MemoryNotFound",
    "MemoryRecord",
    "ModelUnavailable",
    "NotAllowed",
    "OwnerRequired",
    "Scope",
    "ScrubjayError",
    "StoreBusy",
    "StoreError",
]
