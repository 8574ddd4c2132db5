"""Rows as far as ranking looks at them: what dense and lexical search find."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scrubjay.types import Kind, Relation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A row as far as ranking looks at it.

    `said_at` and `recorded_at` are microseconds since 1970 (UTC), the first of when it was said or happened, else
    became true. `vector`: (dimension,) float32, unit norm.
    """

    id: str
    version: int
    kind: Kind
    text: str
    vector: "NDArray[np.float32]" = field(compare=False)
    said_at: int
    recorded_at: int
    role: str = ""
    name: str = ""
    session_id: str = ""
    turn: int = 0
    importance: float = 0.5
    source_ids: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    notes: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    """What ranking has worked out about the row, kept as long as the row is."""

    @property
    def key(self) -> tuple[str, int]:
        """What tells this version from every other row of its owner: id and version."""
        return (self.id, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A row that dense or lexical search found. `score`: cosine in [-1, 1] or BM25 ≥ 0; higher is better."""

    candidate: Candidate
    score: float
