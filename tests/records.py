"""Rows with little in them, for tests of what is done with rows."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from scrubjay.erasures import Erasure, Proof
from scrubjay.ports import MemoryStore
from scrubjay.types import Kind, MemoryRecord, Owner, Scope

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ANA = Owner(tenant="local", scope=Scope.USER, name="ana")
BEN = Owner(tenant="local", scope=Scope.USER, name="ben")
UNITS = np.eye(4, dtype=np.float32)


def record(memory_id: str, text: str = "", **columns: Any) -> MemoryRecord:
    said = text or f"memory {memory_id}"
    defaults: dict[str, Any] = {
        "tenant": "local",
        "user_id": "ana",
        "scope": Scope.USER,
        "kind": Kind.FACT,
        "lexical": said,
        "digest": memory_id,
        "recorded_at": NOON,
        "valid_from": NOON,
    }
    return MemoryRecord(id=memory_id, text=said, **(defaults | columns))


def erase(store: MemoryStore, owner: Owner, *ids: str, versions: tuple[tuple[str, int], ...] = ()) -> Proof:
    return store.erase(owner, Erasure(ids=ids, versions=versions), at=NOON)


def erase_all(store: MemoryStore, owner: Owner) -> Proof:
    return store.erase(owner, Erasure(everything=True), at=NOON)
