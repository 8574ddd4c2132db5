"""What forgetting a memory takes along, and what it takes away from the memories that stay."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scrubjay.remembering.rows import lexical_text
from scrubjay.texts import normalised, visible
from scrubjay.types import Kind, MemoryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """Memories and single versions to erase, and rows that stay without what they held of the erased."""

    erased_ids: tuple[str, ...]
    erased_versions: tuple[tuple[str, int], ...]
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
    A version of a fact goes when all that it rests on was named itself; otherwise it stays, without that source and
    its words.
    """
    named = {row.id for row in targets}
    named_episodes = {row.id for row in targets if row.kind is Kind.EPISODE}
    taken = set(episodes_taken(targets))
    taken_texts = [row.text for row in (*episodes, *targets) if row.id in taken and row.kind is Kind.EPISODE]
    staying = {row.id for row in dependants if not _rests_only_on(row, named_episodes)}
    erased = named | taken | ({row.id for row in dependants} - staying)
    facts = [row for row in dependants if row.id not in erased]
    versions = [row.key for row in facts if _rests_only_on(row, named_episodes)]
    rewritten = [_without(row, taken, taken_texts) for row in facts if row.key not in versions and _holds(row, taken)]
    rewritten = _reopened(facts, versions, rewritten)
    rewritten += [
        _without_neighbour(row)
        for row in episodes
        if row.id not in erased and any(_indexed_with(row, text) for text in taken_texts)
    ]
    return Cascade(erased_ids=tuple(sorted(erased)), erased_versions=tuple(versions), rewritten=tuple(rewritten))


def without_successors(plan: Cascade, pointing: Sequence[MemoryRecord]) -> Cascade:
    """Return the plan with the rows that name an erased memory as their successor: they stay closed and name none."""
    rewritten = {row.key: row for row in plan.rewritten}
    for row in pointing:
        if row.id not in plan.erased_ids and row.key not in plan.erased_versions:
            rewritten[row.key] = replace(rewritten.get(row.key, row), superseded_by="")
    return replace(plan, rewritten=tuple(rewritten.values()))


def _reopened(
    facts: Sequence[MemoryRecord], erased: Sequence[tuple[str, int]], rewritten: Sequence[MemoryRecord]
) -> list[MemoryRecord]:
    """Let a wording hold again when all that took its place goes: it had never become untrue, only been refined."""
    rows = {row.key: row for row in (*facts, *rewritten)}
    for memory_id in {memory_id for memory_id, _ in erased}:
        of_memory = sorted((row for row in rows.values() if row.id == memory_id), key=lambda row: row.version)
        left = [row for row in of_memory if row.key not in erased]
        gone = [row for row in of_memory if row.key in erased]
        if not left or not gone or left[-1].version > gone[0].version:
            continue
        last, better = left[-1], gone[-1]
        if last.valid_to == last.valid_from == gone[0].valid_from:
            rows[last.key] = replace(last, valid_to=better.valid_to, superseded_by=better.superseded_by)
    before = {row.key: row for row in facts}
    return [row for key, row in rows.items() if key not in erased and row != before[key]]


def _rests_only_on(row: MemoryRecord, episodes: set[str]) -> bool:
    return bool(row.source_ids) and episodes.issuperset(row.source_ids)


def _holds(row: MemoryRecord, taken: set[str]) -> bool:
    return not taken.isdisjoint(row.source_ids)


def _without(row: MemoryRecord, taken: set[str], texts: Sequence[str]) -> MemoryRecord:
    kept_evidence = tuple(
        words for words in row.evidence if not any(normalised(words) in normalised(text) for text in texts)
    )
    kept_sources = tuple(source for source in row.source_ids if source not in taken)
    return replace(row, source_ids=kept_sources, evidence=kept_evidence)


def _indexed_with(row: MemoryRecord, text: str) -> bool:
    """Whether the row's search text has this text as the turn before it, which stands after the line of the day."""
    return row.kind is Kind.EPISODE and row.lexical.partition("\n")[2].startswith(f"{visible(text)}\n")


def _without_neighbour(row: MemoryRecord) -> MemoryRecord:
    return replace(row, lexical=lexical_text(row.text, when=row.occurred_at or row.valid_from, name=row.name))
