"""A fact and the words it rests on are one answer."""

from collections.abc import Sequence
from dataclasses import replace

from scrubjay.recall.ranking import Ranked
from scrubjay.types import Kind


def collapsed(hits: Sequence[Ranked]) -> list[Ranked]:
    """Return hits, best first, in which no words stand beside the fact that rests on them.

    Of a fact and its words the fact is shown, in the place of the better of the two. Where the words come first they
    may say more than the fact, so they come along (`Ranked.words`); further facts that rest on them keep their own
    places.
    """
    facts: dict[str, Ranked] = {}  # the best fact that rests on these words
    for hit in hits:
        for source in hit.candidate.source_ids:
            facts.setdefault(source, hit)
    kept: dict[tuple[str, int], Ranked] = {}
    seen: set[tuple[str, int]] = set()
    for hit in hits:
        seen.add(hit.candidate.key)
        fact = facts.get(hit.candidate.id) if hit.candidate.kind is Kind.EPISODE else None
        if fact is None:
            kept.setdefault(hit.candidate.key, hit)
        elif fact.candidate.key not in seen:  # the words come first
            shown = kept.get(fact.candidate.key, replace(fact, score=hit.score, probability=hit.probability))
            kept[fact.candidate.key] = replace(shown, words=(*shown.words, hit.candidate))
    return list(kept.values())
