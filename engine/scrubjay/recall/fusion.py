"""Dense and lexical scores made one, and made comparable across queries."""

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

from scrubjay.recall.query import words

K = TypeVar("K", bound=Hashable)

DENSE_WEIGHT = 0.4
"""Share of dense search in the sum, with the bundled model.

Looked at on five conversations of LoCoMo (hit@10, categories 1-4), so these are no held-out figures: .795 at .3, .787
at .4, .755 at .5, .722 at .6. Chosen between the two best without a measurement that tells them apart.
"""
_STEM_CHARS = 5


def weighted_sum(
    dense: Mapping[K, float], lexical: Mapping[K, float], *, weight: float = DENSE_WEIGHT
) -> dict[K, float]:
    """Fuse two score maps into [0, 1]: weight * dense / max(dense) + (1 - weight) * lexical / max(lexical).

    A key missing from a map counts as 0 there, and so does a negative cosine. For ranking within one query only: the
    best hit of a hopeless query also comes near 1 (see `confidence`). Reciprocal rank fusion loses 9 points of
    recall@10 on LoCoMo: it throws the margins away.
    """
    best_dense, best_lexical = max(dense.values(), default=0.0), max(lexical.values(), default=0.0)
    return {
        key: weight * _share(dense.get(key, 0.0), best_dense)
        + (1 - weight) * _share(lexical.get(key, 0.0), best_lexical)
        for key in {**dense, **lexical}
    }


def confidence(cosine: float, query_words: Collection[str], text: str) -> float:
    """Return how good a hit is by itself, in [0, 1] and comparable across queries and tables.

    weight * cosine + (1 - weight) * share of the query's words that occur in the text (BM25 has no upper end, and
    means nothing in a table of three rows). The best hit of a query gets it, and the others their share of it by rank
    score: the order stays, and a question about something never said scores low.
    """
    return DENSE_WEIGHT * min(1.0, max(0.0, cosine)) + (1 - DENSE_WEIGHT) * coverage(query_words, text)


def coverage(query_words: Collection[str], text: str) -> float:
    """Return the share of the query's words that occur in the text, in [0, 1]; endings are forgiven."""
    wanted = {_stem(word) for word in query_words}
    return len(wanted & {_stem(word) for word in words(text)}) / len(wanted) if wanted else 0.0


def _stem(word: str) -> str:
    return word.rstrip("s")[:_STEM_CHARS]


def _share(score: float, best: float) -> float:
    return max(0.0, score) / best if best > 0 else 0.0
