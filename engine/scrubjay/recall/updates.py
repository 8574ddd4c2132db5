"""Of hits that talk about the same thing, the newer first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scrubjay.recall.pool import Floats, Pool
from scrubjay.recall.query import Asked, Tense, subject_stems
from scrubjay.recall.signals import rarity

LINKED_FROM = {Tense.NOW: 0.85, Tense.PAST: 1.2}
"""How strongly a newer conversation must be linked to an older one to go before it, by what the question wants.

A link is the share of the question's words found in the older one that the newer has too, plus half the best cosine
between their hits, less 0.2 for every place between them.
"""
_NEARNESS_WEIGHT, _PLACE_PENALTY = 0.5, 0.2
_LEAST_SHARED, _LEAST_COSINE = 0.4, 0.4
_NEARLY_ALL = 0.6  # "the staging password" is not updated by one about production
_LEAST_WORDS = 2  # one word of the question in common says little, unless it has only one
_HITS, _CONVERSATIONS, _SUCCESSORS = 40, 8, 3
_HITS_READ, _HITS_COMPARED = 3, 5
_APART = 3600 * 1_000_000  # an hour; what was said in one go has no order
_JUST_ABOVE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The hits of one conversation within an hour, best first, and the question's words in the first of them.

    `has_all`: the best hit alone has every word of the question, so that nothing without them updates it.
    """

    hits: Sequence[int]
    stems: frozenset[str]
    has_all: bool
    said_at: int


def newer_first(asked: Asked, pool: Pool, scores: Floats) -> Floats:
    """Return scores in which a conversation's best hit comes just above that of an older one which it updates.

    Every older conversation lets one newer one pass, the best of those linked to it. A question about how things were
    before changes nothing.
    """
    if asked.tense not in LINKED_FROM or len(pool) == 0:
        return scores
    groups = _groups(asked, pool, scores)
    weights = rarity(subject_stems(asked), [group.stems for group in groups])
    lifted = {number: scores[group.hits[0]] for number, group in enumerate(groups)}
    for number, older in enumerate(groups[:_CONVERSATIONS]):
        linked = [
            other
            for other in range(number + 1, min(number + 1 + _SUCCESSORS, len(groups)))
            if groups[other].said_at - older.said_at > _APART
            and _link(pool, older, groups[other], weights) - _PLACE_PENALTY * (other - number - 1)
            >= LINKED_FROM[asked.tense]
        ]
        if linked:  # groups are in rank order, so the first is the best
            lifted[linked[0]] = max(lifted[linked[0]], lifted[number] + _JUST_ABOVE)
    changed = scores.copy()
    for number, score in lifted.items():
        changed[groups[number].hits[0]] = score
    return changed


def _groups(asked: Asked, pool: Pool, scores: Floats) -> list[_Group]:
    hits_by_conversation: dict[tuple[int, int], list[int]] = {}
    for position in np.argsort(-scores, kind="stable")[:_HITS].tolist():
        place = int(pool.conversation[position]), pool.candidates[position].said_at // _APART
        hits_by_conversation.setdefault(place, []).append(position)
    wanted = subject_stems(asked)
    return [
        _Group(
            hits=hits,
            stems=wanted & frozenset().union(*(pool.stems[hit] for hit in hits[:_HITS_READ])),
            has_all=wanted <= pool.stems[hits[0]],
            said_at=pool.candidates[hits[0]].said_at,
        )
        for hits in hits_by_conversation.values()
    ]


def _link(pool: Pool, older: _Group, newer: _Group, weights: Mapping[str, float]) -> float:
    least_words = min(_LEAST_WORDS, len(weights))
    held = sum(weights[stem] for stem in older.stems)
    if not held or (older.has_all and not newer.has_all and not _says_nearly_all(pool, older, newer)):
        return 0.0
    shared = sum(weights[stem] for stem in older.stems & newer.stems) / held
    compared = [
        np.stack([pool.candidates[hit].vector for hit in group.hits[:_HITS_COMPARED]]) for group in (older, newer)
    ]
    cosine = float((compared[0] @ compared[1].T).max())
    if shared < _LEAST_SHARED or cosine < _LEAST_COSINE or len(older.stems & newer.stems) < least_words:
        return 0.0
    return shared + _NEARNESS_WEIGHT * cosine


def _says_nearly_all(pool: Pool, older: _Group, newer: _Group) -> bool:
    """Whether the newer has those of the question's words that tell most, counted among all candidates."""
    weights = rarity(older.stems, pool.stems)
    shared = sum(weights[stem] for stem in older.stems & newer.stems)
    return shared >= _NEARLY_ALL * sum(weights.values())
