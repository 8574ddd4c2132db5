"""What a hit's score means: how likely it answers the question, the same across queries and tables."""

import numpy as np

from scrubjay.recall.pool import Floats, Pool
from scrubjay.recall.query import Asked

INTERCEPT = -8.1
WEIGHTS = {"cosine": 0.88, "coverage": 1.5, "speaker": 0.36, "share": 5.13, "is_best": 1.11}
"""A logistic curve over the first ten hits, fitted on the same part of the data as the ranking's weights.

On the other part the mean distance between the score and the share of hits that are evidence is 0.01 on LoCoMo and 0.02
on LongMemEval (docs/recall.md).
"""
_DENSE_SHARE = 0.4


def answering(asked: Asked, pool: Pool, scores: Floats) -> Floats:
    """Return for each candidate how likely it is to answer, in [0, 1].

    From its cosine, the share of the question's words in its text, whether the speaker that the question names said
    it (+1, -1; 0 when it names none or nobody is known), its ranking score as a share of the best, and whether it is
    the best.
    """
    said_by = [
        0.0 if not asked.speaker or not each.name else 1.0 if each.name == asked.speaker else -1.0
        for each in pool.candidates
    ]
    best = scores.max(initial=0.0)
    share = scores / best if best > 0 else np.zeros(len(pool))
    features = np.stack([pool.cosine, _covered(asked, pool), np.array(said_by), share, share >= 1], axis=1)
    chances: Floats = 1 / (1 + np.exp(-(np.vecdot(features, np.array(list(WEIGHTS.values()))) + INTERCEPT)))
    return chances


def resembling(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """Return how much each candidate resembles a text, in [0, 1]: in meaning, and in the share of its words."""
    return _DENSE_SHARE * np.clip(pool.cosine, 0.0, 1.0) + (1 - _DENSE_SHARE) * _covered(asked, pool)


def _covered(asked: Asked, pool: Pool) -> Floats:
    wanted = asked.stems
    return np.array([len(each & wanted) / len(wanted) if wanted else 0.0 for each in pool.stems])
