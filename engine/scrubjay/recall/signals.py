"""What speaks for a candidate: one function per signal, each giving values in [0, 1] of the shape (n,)."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from scrubjay.matches import Candidate
from scrubjay.recall.pool import READ_CHARS, Floats, Pool, at, shares
from scrubjay.recall.query import Asked, words
from scrubjay.texts import entity_key
from scrubjay.types import Kind

Signal: TypeAlias = Callable[[Asked, Pool, Floats], Floats]
"""A signal looks at the question, the candidates, and the weighted sum of dense and lexical (in [0, 1])."""

_BEST_OF_CONVERSATION = 3
_ONE_HOP = 0.5
_QUESTION_MARKS = ("?", "？", "؟")
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
    order = np.lexsort((-base, pool.conversation))  # by conversation, best first
    starts = np.flatnonzero(np.diff(pool.conversation[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(pool)))
    place = np.arange(len(pool)) - np.repeat(starts, sizes)
    best = order[place < _BEST_OF_CONVERSATION]
    sums = np.bincount(pool.conversation[best], weights=base[best])
    return shares(sums / np.maximum(np.bincount(pool.conversation[best]), 1))[pool.conversation]


def speaker(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """Said by the one person the question names, or a fact that names them."""
    return _each(pool, lambda each: _is_of(each, asked.speaker), only_if=bool(asked.speaker))


def _is_of(candidate: Candidate, speaker: str) -> bool:
    if candidate.kind is Kind.EPISODE:
        return candidate.name == speaker
    first_name = words(speaker.split(maxsplit=1)[0])  # several words, if it is "Anne-Marie"
    return bool(first_name) and f" {' '.join(first_name)} " in f" {' '.join(words(candidate.text))} "


def date(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """Said about the time that the question names."""
    return _each(pool, lambda each: asked.time.fits(each.said_at), only_if=bool(asked.time))


def role(_: Asked, pool: Pool, __: Floats) -> Floats:
    """The person's own words, or a fact, above what an assistant or a tool said."""
    return _each(pool, lambda each: each.kind is Kind.FACT or each.role in {"", "user"})


def importance(_: Asked, pool: Pool, __: Floats) -> Floats:
    """How much a fact matters, as its extractor judged; 0.5 is usual, and what an episode has."""
    return np.array([each.importance if each.kind is Kind.FACT else 0.5 for each in pool.candidates])


def entity(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """Names an entity that the question names (1), or one that a relation joins to it (0.5)."""
    if not any(each.entities or each.relations for each in pool.candidates):
        return np.zeros(len(pool))
    keys = [_entity_keys(each) for each in pool.candidates]
    asked_words = f" {' '.join(words(asked.text))} "
    named = {key for key in set().union(*keys) if f" {' '.join(words(key))} " in asked_words}
    ends = [{entity_key(r.subject), entity_key(r.object)} for each in pool.candidates for r in each.relations]
    related = set().union(*(pair for pair in ends if pair & named))
    return np.array([1.0 if each & named else _ONE_HOP if each & related else 0.0 for each in keys])


def _entity_keys(candidate: Candidate) -> set[str]:
    ends = [end for relation in candidate.relations for end in (relation.subject, relation.object)]
    return {entity_key(name) for name in (*candidate.entities, *ends)}


def support(_: Asked, pool: Pool, base: Floats) -> Floats:
    """Rests on words that fit, or a fact that fits rests on it."""
    position_by_id = {each.id: at for at, each in enumerate(pool.candidates) if each.kind is Kind.EPISODE}
    lifted = np.zeros(len(pool))
    for fact, candidate in enumerate(pool.candidates):
        for source in candidate.source_ids:
            said = position_by_id.get(source)
            if said is not None:
                lifted[fact] = max(lifted[fact], base[said])
                lifted[said] = max(lifted[said], base[fact])
    return lifted


def coverage(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """The share of the question's words that stand in the text itself, rare words counting more."""
    held = [each & asked.stems for each in pool.stems]
    weights = rarity(asked.stems, held)
    whole = sum(weights.values()) or 1.0
    return np.array([sum(weights[stem] for stem in each) / whole for each in held])


def rarity(wanted: Iterable[str], held: Sequence[frozenset[str]]) -> dict[str, float]:
    """Return how much each stem tells: more, the fewer of the candidates hold it."""
    found = {stem: sum(stem in each for each in held) for stem in wanted}
    return {stem: float(np.log(1 + (len(held) - count + 0.5) / (count + 0.5))) for stem, count in found.items()}


def own_words(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """The person the question names speaks of themselves; a fact that names them does."""
    return _each(
        pool,
        lambda each: _is_of(each, asked.speaker) and (each.kind is Kind.FACT or _speaks_of_self(each.text)),
        only_if=bool(asked.speaker),
    )


def _speaks_of_self(text: str) -> bool:
    return _SELF.search(text.replace("\u2019", "'")) is not None


def when(asked: Asked, pool: Pool, _: Floats) -> Floats:
    """Names a time, when the question asks for one."""
    return _each(pool, lambda each: _TIME_WORDS.search(each.text[:READ_CHARS]) is not None, only_if=asked.when)


def question(_: Asked, pool: Pool, __: Floats) -> Floats:
    """Is itself a question, and so answers none: its weight is negative."""
    return _each(pool, lambda each: each.kind is Kind.EPISODE and each.text.rstrip().endswith(_QUESTION_MARKS))


def _each(pool: Pool, holds: Callable[[Candidate], bool], *, only_if: bool = True) -> Floats:
    return np.array([float(holds(each)) for each in pool.candidates]) if only_if else np.zeros(len(pool))
