"""A fact and the episodes it rests on are one answer."""

from collections.abc import Sequence

from scrubjay.types import Hit, Kind


def collapsed(hits: Sequence[Hit]) -> list[Hit]:
    """Return hits best first, where of an episode and the facts that rest on it not both stay.

    A fact, with its evidence, is shorter than its episode and goes before it; but an episode may say more than the
    facts drawn from it, so where it fits the query better it is the answer and its facts go.
    """
    kept: list[Hit] = []
    shown_episodes: set[str] = set()
    covered: set[str] = set()
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.record.kind is Kind.EPISODE)):
        record = hit.record
        if record.kind is Kind.EPISODE and record.id not in covered:
            kept.append(hit)
            shown_episodes.add(record.id)
        elif record.kind is Kind.FACT and shown_episodes.isdisjoint(record.source_ids):
            kept.append(hit)
            covered.update(record.source_ids)
    return kept
