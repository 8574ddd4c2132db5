"""Scrubjay: persistent memory for AI assistants."""

from scrubjay.errors import (
    ConfigurationError,
    EmbeddingError,
    EmbeddingMismatch,
    InvalidInput,
    MemoryNotFound,
    ModelUnavailable,
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
    "OwnerRequired",
    "Scope",
    "ScrubjayError",
    "StoreBusy",
    "StoreError",
]
