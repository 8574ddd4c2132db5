"""The candidates of one question, as arrays: what dense and lexical search found, and how they lie to each other."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from scrubjay.types import Kind, Match

Floats: TypeAlias = NDArray[np.float64]
Positions: TypeAlias = NDArray[np.intp]

_DAY = 24 * 3600 * 1_000_000
NOBODY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """n candidates, in no particular order; every array has the shape (n,).

    `cosine` in [-1, 1] and `bm25` ≥ 0 are of the query and the row; `conversation` numbers the conversations; `before`
    and `after` are the positions of the turns said just before and after, or -1 where they are no candidates.
    """

    matches: Sequence[Match]
    cosine: Floats
    bm25: Floats
    conversation: Positions
    before: Positions
    after: Positions

    def __len__(self) -> int:
        return len(self.matches)

    def only(self, positions: Positions) -> "Pool":
        """Return some of the candidates, in this order; turns around them that are left out become -1."""
        new = np.full(len(self) + 1, NOBODY, dtype=np.intp)
        new[positions] = np.arange(len(positions))  # the last stays -1, and is where -1 points
        return Pool(
            matches=[self.matches[position] for position in positions],
            cosine=self.cosine[positions],
            bm25=self.bm25[positions],
            conversation=self.conversation[positions],
            before=new[self.before[positions]],
            after=new[self.after[positions]],
        )

    @property
    def dense(self) -> Floats:
        """Cosines as shares of the best one, in [0, 1]."""
        return shares(self.cosine)

    @property
    def lexical(self) -> Floats:
        """BM25 as shares of the best one, in [0, 1]."""
        return shares(self.bm25)


def pool_of(
    vector: "NDArray[np.float32]", dense: Sequence[Match], lexical: Sequence[Match], *, without: Collection[str] = ()
) -> Pool:
    """Return the rows that either search found, each once; `vector` is the query's, (dimension,)."""
    bm25_by_key = {match.key: match.score for match in lexical}
    by_key = {match.key: match for match in (*lexical, *dense) if match.id not in without}
    matches = list(by_key.values())
    vectors = np.stack([match.vector for match in matches]) if matches else np.zeros((0, len(vector)), np.float32)
    before, after = _turns_around(matches)
    return Pool(
        matches=matches,
        cosine=(vectors @ vector).astype(np.float64),
        bm25=np.array([bm25_by_key.get(match.key, 0.0) for match in matches], dtype=np.float64),
        conversation=_numbered([conversation_of(match) for match in matches]),
        before=before,
        after=after,
    )


def conversation_of(match: Match) -> str | int:
    """Return what tells the conversation in which something was said: its session, else the day."""
    return match.session_id or match.said_at // _DAY


def shares(scores: Floats) -> Floats:
    """Return scores as shares of the best one, in [0, 1]; negative ones count as 0."""
    positive = np.maximum(scores, 0.0)
    best = positive.max(initial=0.0)
    return positive / best if best > 0 else positive


def at(values: Floats, positions: Positions) -> Floats:
    """Return the values at these positions, 0 for -1."""
    return np.where(positions == NOBODY, 0.0, values[positions]) if len(values) else values


def _numbered(labels: Sequence[str | int]) -> Positions:
    number_by_label = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return np.array([number_by_label[label] for label in labels], dtype=np.intp)


def _turns_around(matches: Sequence[Match]) -> tuple[Positions, Positions]:
    """Return where the turns before and after each are; without a session, turns of one call belong together."""
    places = [
        (match.session_id or match.recorded_at - match.turn, match.turn) if match.kind is Kind.EPISODE else None
        for match in matches
    ]
    position_by_place = {place: position for position, place in enumerate(places) if place is not None}

    def around(step: int) -> Positions:
        found = [position_by_place.get((place[0], place[1] + step), NOBODY) if place else NOBODY for place in places]
        return np.array(found, dtype=np.intp)

    return around(-1), around(+1)
