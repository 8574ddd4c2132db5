"""The candidates of one question, as arrays: what dense and lexical search found, and how they lie to each other."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from scrubjay.matches import Candidate, Match
from scrubjay.recall.query import stems, words
from scrubjay.types import Kind

Floats: TypeAlias = NDArray[np.float64]
Positions: TypeAlias = NDArray[np.intp]

_DAY = 24 * 3600 * 1_000_000
READ_CHARS = 2_000
"""How much of a text is read for its words."""
NOBODY = -1


@dataclass(frozen=True, kw_only=True)
class Pool:
    """n candidates, in no particular order; every array has the shape (n,).

    `cosine` in [-1, 1] and `bm25` ≥ 0 are of the query and the row; `conversation` numbers the conversations; `before`
    and `after` are the positions of the turns said just before and after, or -1 where they are no candidates.
    """

    candidates: Sequence[Candidate]
    cosine: Floats
    bm25: Floats
    conversation: Positions
    before: Positions
    after: Positions

    @cached_property
    def stems(self) -> Sequence[frozenset[str]]:
        """The words of each text, as they are compared; of a long text, of its beginning."""
        return [_stems_of(candidate) for candidate in self.candidates]

    def __len__(self) -> int:
        return len(self.candidates)

    def only(self, positions: Positions) -> "Pool":
        """Return some of the candidates, in this order; turns around them that are left out become -1."""
        new = np.full(len(self) + 1, NOBODY, dtype=np.intp)
        new[positions] = np.arange(len(positions))  # the last stays -1, and is where -1 points
        return Pool(
            candidates=[self.candidates[position] for position in positions],
            cosine=self.cosine[positions],
            bm25=self.bm25[positions],
            conversation=self.conversation[positions],
            before=new[self.before[positions]],
            after=new[self.after[positions]],
        )

    @cached_property
    def dense(self) -> Floats:
        """Cosines as shares of the best one, in [0, 1]."""
        return shares(self.cosine)

    @cached_property
    def lexical(self) -> Floats:
        """BM25 as shares of the best one, in [0, 1]."""
        return shares(self.bm25)


def pool_of(
    vector: "NDArray[np.float32]", dense: Sequence[Match], lexical: Sequence[Match], *, without: Collection[str] = ()
) -> Pool:
    """Return the rows that either search found, each once; `vector` is the query's, (dimension,)."""
    bm25_by_key = {match.candidate.key: match.score for match in lexical}
    by_key = {match.candidate.key: match.candidate for match in (*lexical, *dense)}
    candidates = [candidate for candidate in by_key.values() if candidate.id not in without]
    vectors = np.stack([each.vector for each in candidates]) if candidates else np.zeros((0, len(vector)), np.float32)
    before, after = _turns_around(candidates)
    return Pool(
        candidates=candidates,
        # Row by row: with `@` a row's last digit depends on its place, and so on the order in which equals were found.
        cosine=np.vecdot(vectors, vector).astype(np.float64),
        bm25=np.array([bm25_by_key.get(match.key, 0.0) for match in candidates], dtype=np.float64),
        conversation=_numbered([conversation_of(match) for match in candidates]),
        before=before,
        after=after,
    )


def comparable(tables: Sequence[Sequence[Match]], wanted: frozenset[str]) -> list[Match]:
    """Return the lexical matches of several tables as one list.

    BM25 counts words within one table, and means nothing beside another's. So of each table it is taken as the share of
    its best, times the share of the wanted stems that the best has.
    """
    filled = [table for table in tables if table]
    if len(filled) <= 1:
        return [match for table in filled for match in table]
    scaled = []
    for table in filled:
        best = max(table, key=lambda match: match.score)
        held = len(_stems_of(best.candidate) & wanted) / max(1, len(wanted))
        scaled += [replace(match, score=held * match.score / best.score) for match in table]
    return scaled


def _stems_of(candidate: Candidate) -> frozenset[str]:
    known: frozenset[str] | None = candidate.notes.get("stems")
    if known is None:
        known = candidate.notes["stems"] = stems(words(candidate.text[:READ_CHARS]))
    return known


def conversation_of(match: Candidate) -> str | int:
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


def _turns_around(matches: Sequence[Candidate]) -> tuple[Positions, Positions]:
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
