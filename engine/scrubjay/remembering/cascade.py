"""What forgetting a memory takes along, and what it takes away from the memories that stay."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scrubjay.remembering.rows import lexical_text
from scrubjay.texts import contains_span, visible
from scrubjay.types import Kind, MemoryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """Ids to erase, and rows that stay without what they held of the erased."""

    erased_ids: tuple[str, ...]
    rewritten: tuple[MemoryRecord, ...]


def episodes_taken(targets: Iterable[MemoryRecord]) -> tuple[str, ...]:
    """Return the ids of the episodes that go when these rows go: themselves, or what the facts rest on."""
    rows = list(targets)
    own = [row.id for row in rows if row.kind is Kind.EPISODE]
    return tuple(dict.fromkeys([*own, *(source for row in rows for source in row.source_ids)]))


def cascade(
    targets: Sequence[MemoryRecord], episodes: Sequence[MemoryRecord], dependants: Sequence[MemoryRecord]
) -> Cascade:
    """Decide the fate of everything that touches the targets.

    `targets`: every version of the memories to forget. `episodes`: the rows of `episodes_taken` and every episode
    that may have been indexed with one of them. `dependants`: every version of facts that rest on the taken ones.
    A fact goes when all it rests on was named itself; otherwise it stays, without that source and its words.
    """
    named = {row.id for row in targets}
    taken = set(episodes_taken(targets))
    taken_texts = [row.text for row in episodes if row.id in taken]
    named_episodes = {row.id for row in targets if row.kind is Kind.EPISODE}
    sources_by_id: dict[str, set[str]] = {}
    for row in dependants:
        sources_by_id.setdefault(row.id, set()).update(row.source_ids)
    going = {i for i, sources in sources_by_id.items() if sources <= named_episodes}
    erased = named | taken | going
    rewritten = [_without(row, taken, taken_texts) for row in dependants if row.id not in erased]
    rewritten += [
        _without_neighbour(row)
        for row in episodes
        if row.id not in erased and any(_indexed_with(row, text) for text in taken_texts)
    ]
    return Cascade(erased_ids=tuple(sorted(erased)), rewritten=tuple(rewritten))


def _without(row: MemoryRecord, taken: set[str], texts: Sequence[str]) -> MemoryRecord:
    kept_evidence = tuple(words for words in row.evidence if not any(contains_span(text, words) for text in texts))
    kept_sources = tuple(source for source in row.source_ids if source not in taken)
    return replace(row, source_ids=kept_sources, evidence=kept_evidence)


def _indexed_with(row: MemoryRecord, text: str) -> bool:
    return row.kind is Kind.EPISODE and visible(text) in row.lexical and visible(text) not in visible(row.text)


def _without_neighbour(row: MemoryRecord) -> MemoryRecord:
    return replace(row, lexical=lexical_text(row.text, when=row.occurred_at or row.valid_from, name=row.name))
