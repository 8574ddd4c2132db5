"""What forgetting a memory takes along, and what it takes away from the memories that stay."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from scrubjay.erasures import Erasure
from scrubjay.remembering.rows import lexical_text
from scrubjay.texts import normalised, visible
from scrubjay.types import Kind, MemoryRecord


def episodes_taken(targets: Iterable[MemoryRecord]) -> tuple[str, ...]:
    """Return the ids of the episodes that go when these rows go: themselves, or what the facts rest on."""
    rows = list(targets)
    own = [row.id for row in rows if row.kind is Kind.EPISODE]
    return tuple(dict.fromkeys([*own, *(source for row in rows for source in row.source_ids)]))


def taken_along(targets: Sequence[MemoryRecord], dependants: Sequence[MemoryRecord]) -> Erasure:
    """Return everything that goes when the targets go.

    `targets`: every version of the memories to forget. `dependants`: every version of facts that rest on
    `episodes_taken`. A version of a fact goes when all that it rests on was named itself; otherwise it stays.
    """
    named = {row.id for row in targets}
    named_episodes = {row.id for row in targets if row.kind is Kind.EPISODE}
    staying = {row.id for row in dependants if not _rests_only_on(row, named_episodes)}
    erased = named | set(episodes_taken(targets)) | ({row.id for row in dependants} - staying)
    facts = [row for row in dependants if row.id not in erased]
    versions = [row.key for row in facts if _rests_only_on(row, named_episodes)]
    return Erasure(ids=tuple(sorted(erased)), versions=tuple(versions))


def bereft(rows: Iterable[MemoryRecord], gone: Erasure) -> tuple[MemoryRecord, ...]:
    """Return the rows that stay and change, as they are without what goes.

    `rows`: of one owner; those that go, those that rest on them or name them, and episodes that may have been indexed
    with one of them. A fact loses the source and its words, an episode the turn before it; a wording that was refined
    by what goes holds again.
    """
    all_rows = list(rows)
    ids, versions = set(gone.ids), set(gone.versions)
    said = _said([row for row in all_rows if row.id in ids and row.kind is Kind.EPISODE])
    told_before = {(row.session_id, visible(row.text)) for row in all_rows if row.id in said}
    staying = {row.key: row for row in all_rows if row.id not in ids and row.key not in versions}
    changed = dict(staying)
    for key, row in staying.items():
        if row.kind is Kind.FACT and _rests_on(row, ids):
            changed[key] = _without(row, ids, said)
        elif row.kind is Kind.EPISODE and (row.session_id, _turn_before(row)) in told_before:
            changed[key] = _without_neighbour(row)
        if row.superseded_by in ids:
            changed[key] = replace(changed[key], superseded_by="")
    touched: dict[str, list[MemoryRecord]] = {memory_id: [] for memory_id, _ in versions}
    for row in all_rows:
        if row.id in touched:
            touched[row.id].append(row)
    for rows_of_one in touched.values():
        _reopen(rows_of_one, versions, changed)
        _strip(rows_of_one, [row for row in rows_of_one if row.key in versions and _rests_on(row, ids)], changed)
    return tuple(row for key, row in changed.items() if row != staying[key])


def _reopen(
    versions: Sequence[MemoryRecord], gone: Collection[tuple[str, int]], rows: dict[tuple[str, int], MemoryRecord]
) -> None:
    """Let a wording hold again when all that took its place goes: it had never become untrue, only been refined."""
    in_order = sorted(versions, key=lambda row: row.version)
    left = [row for row in in_order if row.key in rows]
    erased = [row for row in in_order if row.key in gone]
    if not left or not erased or left[-1].version > erased[0].version:
        return
    last, better = rows[left[-1].key], erased[-1]
    if last.valid_to == last.valid_from == erased[0].valid_from:
        rows[last.key] = replace(last, valid_to=better.valid_to, superseded_by=better.superseded_by)


def _strip(
    versions: Sequence[MemoryRecord], erased: Sequence[MemoryRecord], rows: dict[tuple[str, int], MemoryRecord]
) -> None:
    """Take from the versions that stay what they had from those whose words go, and do not say themselves."""
    entities = {name for row in erased for name in row.entities}
    relations = {relation for row in erased for relation in row.relations}
    metadata = [item for row in erased for item in row.metadata.items()]
    for row in versions if erased else ():
        if row.key in rows:
            words = normalised(" ".join((row.text, *row.evidence)))
            rows[row.key] = replace(
                rows[row.key],
                entities=tuple(n for n in row.entities if n not in entities or normalised(n) in words),
                relations=tuple(relation for relation in row.relations if relation not in relations),
                metadata={name: value for name, value in row.metadata.items() if (name, value) not in metadata},
            )


def _said(episodes: Iterable[MemoryRecord]) -> dict[str, list[str]]:
    """Return what was said, in all wordings it was corrected from, by id."""
    texts: dict[str, list[str]] = {}
    for row in episodes:
        texts.setdefault(row.id, []).append(row.text)
    return texts


def _rests_on(row: MemoryRecord, episodes: set[str]) -> bool:
    return not episodes.isdisjoint(row.source_ids)


def _rests_only_on(row: MemoryRecord, episodes: set[str]) -> bool:
    return bool(row.source_ids) and episodes.issuperset(row.source_ids)


def _without(row: MemoryRecord, gone: set[str], said: Mapping[str, Sequence[str]]) -> MemoryRecord:
    texts = [normalised(text) for source in row.source_ids for text in said.get(source, ())]
    kept_evidence = tuple(words for words in row.evidence if not any(normalised(words) in text for text in texts))
    kept_sources = tuple(source for source in row.source_ids if source not in gone)
    return replace(row, source_ids=kept_sources, evidence=kept_evidence)


def _turn_before(row: MemoryRecord) -> str | None:
    """Return the line after that of the day, which is the turn before if it was indexed with the row; else a name."""
    lines = row.lexical.split("\n", 2)
    return lines[1] if len(lines) > 2 else None  # noqa: PLR2004 - the day, the turn before, the rest


def _without_neighbour(row: MemoryRecord) -> MemoryRecord:
    return replace(row, lexical=lexical_text(row.text, when=row.occurred_at or row.valid_from, name=row.name))
