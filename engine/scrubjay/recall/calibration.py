"""How likely a hit answers the question, so that a score means the same across queries and tables."""

import numpy as np

from scrubjay.recall.pool import Floats, Pool
from scrubjay.recall.query import Asked
from scrubjay.recall.signals import text_stems

INTERCEPT, COSINE, COVERAGE, SPEAKER = -4.0, 4.0, 2.0, 0.5


def evidence_features(asked: Asked, pool: Pool) -> Floats:
    """Return (n, 3): cosine, share of the question's words in the text, and +1, -1 or 0 for the speaker it names."""
    stems = asked.stems
    held = [len(text_stems(match.text) & stems) / len(stems) if stems else 0.0 for match in pool.matches]
    said_by = [
        0.0 if not asked.speaker or not match.name else 1.0 if match.name == asked.speaker else -1.0
        for match in pool.matches
    ]
    return np.stack([pool.cosine, np.array(held), np.array(said_by)], axis=1)


def probability(asked: Asked, pool: Pool) -> Floats:
    """Return for each candidate how likely it is to answer, in [0, 1]."""
    weighted = evidence_features(asked, pool) @ np.array([COSINE, COVERAGE, SPEAKER]) + INTERCEPT
    result: Floats = 1 / (1 + np.exp(-weighted))
    return result
