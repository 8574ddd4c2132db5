"""The order of the candidates: every signal's value times its weight, summed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from scrubjay.matches import Candidate
from scrubjay.recall import signals
from scrubjay.recall.calibration import answering, resembling
from scrubjay.recall.pool import Floats, Pool
from scrubjay.recall.query import Asked
from scrubjay.recall.signals import Signal
from scrubjay.recall.updates import newer_first
from scrubjay.recall.weights import Ranking

OF_ALL: Mapping[str, Signal] = {
    name: getattr(signals, name)
    for name in (
        "dense",
        "lexical",
        "neighbours",
        "conversation",
        "speaker",
        "date",
        "role",
        "importance",
        "entity",
        "support",
    )
}
"""Signals that are cheap enough for every candidate."""
OF_THE_BEST: Mapping[str, Signal] = {
    name: getattr(signals, name) for name in ("coverage", "own_words", "when", "question")
}
"""Signals that read texts, for the candidates that are best without them."""
SHORTLIST = 40
"""How many those are; recall@10 on LoCoMo is the same with 60 and with 150."""

_SPARE_TIMES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A candidate with its ranking score, comparable within one question only, and its calibrated one in [0, 1].

    `words`: what it rests on and what fits the question better than it does.
    """

    candidate: Candidate
    score: float
    probability: float
    words: tuple[Candidate, ...] = ()


def ranked(asked: Asked, pool: Pool, ranking: Ranking, *, limit: int) -> list[Ranked]:
    """Return candidates, best first: some times `limit`, since collapsing takes some away.

    The texts of at least twice the limit have been read; the others follow in the order that they have without.

    Where the ranking is for likeness (`Ranking.is_likeness`), the scores say how much each resembles the text.
    """
    base = (ranking.dense * pool.dense + ranking.lexical * pool.lexical) / ((ranking.dense + ranking.lexical) or 1.0)
    scores = _weighted(OF_ALL, asked, pool, base, ranking)
    order = np.argsort(-scores, kind="stable")
    best = order[: max(SHORTLIST, 2 * limit)]
    short = pool.only(best)
    read = scores[best] + _weighted(OF_THE_BEST, asked, short, base[best], ranking)
    if ranking.updates:
        read = newer_first(asked, short, read)
    chances = (resembling if ranking.is_likeness else answering)(asked, short, read)
    places = np.argsort(-read, kind="stable")
    chances = np.minimum.accumulate(chances[places])  # a lower hit is no better an answer
    hits = [
        Ranked(candidate=short.candidates[place], score=float(read[place]), probability=float(chance))
        for place, chance in zip(places.tolist(), chances, strict=True)
    ]
    rest = [pool.candidates[position] for position in order[len(best) : _SPARE_TIMES * limit]]
    return hits + [replace(hits[-1], candidate=candidate) for candidate in rest]


def _weighted(listed: Mapping[str, Signal], asked: Asked, pool: Pool, base: Floats, ranking: Ranking) -> Floats:
    """Return the weighted sum of some signals, as a share of what all of them can give together."""
    total = sum(weight for name in (*OF_ALL, *OF_THE_BEST) if (weight := getattr(ranking, name)) > 0) or 1.0
    scores = np.zeros(len(pool))
    for name, signal in listed.items():
        weight = getattr(ranking, name)
        if weight:
            scores += weight / total * signal(asked, pool, base)
    return scores
