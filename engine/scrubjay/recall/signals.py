"""What speaks for a candidate: one function per signal, each giving values in [0, 1] of the shape (n,)."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from scrubjay.recall.pool import Floats, Pool, at, shares
from scrubjay.recall.query import Asked, words
from scrubjay.texts import entity_key
from scrubjay.types import Candidate, Kind

Signal: TypeAlias = Callable[[Asked, Pool, Floats], Floats]
"""A signal looks at the question, the candidates, and the sum of dense and lexical (each in [0, 1])."""

_BEST_OF_CONVERSATION = 3
_READ_CHARS = 2_000
_HOP = 0.5
_SELF = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|me|my|mine|we|we're|we've|us|our|ours)\b", re.IGNORECASE)
_TIME_WORDS = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|last|next|ago|weekends?|weeks?|months?|years?|days?|morning|recently|since|"
    r"mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|january|february|march|april|june|july|"
    r"august|september|october|november|december|\d{4})\b",
    re.IGNORECASE,
)


def dense(_: Asked, pool: Pool, __: Floats) -> Floats:
    """How near in meaning."""
    return pool.dense


def lexical(_: Asked, pool: Pool, __: Floats) -> Floats:
    """How much of the wording, the turn before it and its day included (BM25)."""
    return pool.lexical


def neighbours(_: Asked, pool: Pool, __: Floats) -> Floats:
    """How near in meaning the turns just before and after are: their vectors mixed into this one's, at read time."""
    near = pool.dense
    return (at(near, pool.before) + at(near, pool.after)) / 2


def conversation(_: Asked, pool: Pool, base: Floats) -> Floats:
    """Said in a conversation about it: the mean of the best three in it, as a share of the best conversation's."""
    means = np.zeros(len(pool))
    for number in np.unique(pool.conversation):
        members = pool.conversation == number
        means[members] = np.sort(base[members])[::-1][:_BEST_OF_CONVERSATION].mean()
    return shares(means)


def speaker(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """Said by the one person the question names, or a fact that names them."""
    return _each(pool, lambda candidate: bool(asked.speaker) and _is_of(candidate, asked.speaker))


def _is_of(candidate: Candidate, speaker: str) -> bool:
    if candidate.kind is Kind.EPISODE:
        return candidate.name == speaker
    return speaker.split(maxsplit=1)[0].casefold() in words(candidate.text)


def date(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """Said about the time that the question names."""
    return _each(pool, lambda candidate: bool(asked.time) and asked.time.fits(candidate.said_at))


def role(_: Asked, pool: Pool, __: Floats) -> Floats:
    """The person's own words, or a fact, above what an assistant or a tool said."""
    return _each(pool, lambda candidate: candidate.kind is Kind.FACT or candidate.role in {"", "user"})


def importance(_: Asked, pool: Pool, __: Floats) -> Floats:
    """How much a fact matters, as its extractor judged; 0.5 is usual, and what an episode has."""
    return np.array([candidate.importance if candidate.kind is Kind.FACT else 0.5 for candidate in pool.candidates])


def entity(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """Names an entity that the question names (1), or one that is related to it (0.5)."""
    keys = [_entity_keys(candidate) for candidate in pool.candidates]
    asked_words = f" {' '.join(words(asked.text))} "
    named = {key for key in set().union(*keys) if f" {' '.join(words(key))} " in asked_words}
    related = {
        entity_key(end)
        for candidate in pool.candidates
        for relation in candidate.relations
        if not named.isdisjoint({entity_key(relation.subject), entity_key(relation.object)})
        for end in (relation.subject, relation.object)
    }
    return np.array([1.0 if each & named else _HOP if each & related else 0.0 for each in keys])


def _entity_keys(candidate: Candidate) -> set[str]:
    ends = [end for relation in candidate.relations for end in (relation.subject, relation.object)]
    return {entity_key(name) for name in (*candidate.entities, *ends)}


def coverage(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """The share of the question's words that stand in the text itself, rare words counting more."""
    held = [each & asked.stems for each in pool.stems]
    weights = rarity(asked.stems, held)
    whole = sum(weights.values())
    return np.array([sum(weights[stem] for stem in each) / whole if whole else 0.0 for each in held])


def support(_: Asked, pool: Pool, base: Floats) -> Floats:
    """Rests on words that fit, or a fact that fits rests on it."""
    position_by_id = {
        candidate.id: position for position, candidate in enumerate(pool.candidates) if candidate.kind is Kind.EPISODE
    }
    lifted = np.zeros(len(pool))
    for position, candidate in enumerate(pool.candidates):
        for source in candidate.source_ids:
            other = position_by_id.get(source)
            if other is not None:
                lifted[position] = max(lifted[position], base[other])
                lifted[other] = max(lifted[other], base[position])
    return lifted


def rarity(wanted: Iterable[str], held: Sequence[frozenset[str]]) -> dict[str, float]:
    """Return how much each stem tells: more, the fewer of the candidates hold it."""

    def weight(found: int) -> float:
        return float(np.log(1 + (len(held) - found + 0.5) / (found + 0.5)))

    return {stem: weight(sum(stem in each for each in held)) for stem in wanted}


def own_words(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """The person the question names speaks of themselves; a fact that names them does."""
    return _each(
        pool,
        lambda candidate: (
            bool(asked.speaker)
            and _is_of(candidate, asked.speaker)
            and (candidate.kind is Kind.FACT or _SELF.search(candidate.text.replace("\u2019", "'")) is not None)
        ),
    )


def when(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """Names a time, when the question asks for one."""
    return _each(pool, lambda candidate: asked.when and _TIME_WORDS.search(candidate.text[:_READ_CHARS]) is not None)


def question(_: Asked, pool: Pool, __: Floats) -> Floats:
    """Is itself a question, and so answers none: its weight is negative."""
    return _each(
        pool, lambda candidate: candidate.kind is Kind.EPISODE and candidate.text.rstrip().endswith(("?", "？", "؟"))
    )


def _each(pool: Pool, holds: Callable[[Candidate], bool]) -> Floats:
    return np.array([float(holds(candidate)) for candidate in pool.candidates])
