"""Any sequence of adds over one memory keeps its history in order."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records import ANA, NOON
from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.remembering.plan import Plan, Proposal, plan_facts
from scrubjay.remembering.rows import Occasion, fact_digest
from scrubjay.types import Caller, Event, FactDraft, MemoryRecord, Scope

Key = tuple[str, int]
OCCASION = Occasion(caller=Caller(user_id="ana"), owner=ANA, scope=Scope.USER, now=NOON)
DAYS = [None, *(NOON + timedelta(days=days) for days in (-90, -30, -1, 0, 1, 30, 90))]

drafts = st.tuples(st.sampled_from("ABCD"), st.sampled_from(DAYS), st.sets(st.integers(0, 5), max_size=2))
steps = st.tuples(st.sampled_from([0, 1, 40]), st.lists(drafts, min_size=1, max_size=2))


def carried_out(made: Plan, rows: dict[Key, MemoryRecord]) -> dict[Key, MemoryRecord]:
    assert not {r.key for r in made.inserted} & rows.keys(), "a version is overwritten"
    assert {r.key for r in made.replaced} <= rows.keys(), "a row is changed that is not there"
    return rows | {r.key: r for r in (*made.replaced, *made.inserted)}


def true_intervals(rows: list[MemoryRecord]) -> list[tuple[datetime, datetime]]:
    end = datetime.max.replace(tzinfo=NOON.tzinfo)
    return sorted((r.valid_from, r.valid_to or end) for r in rows if r.valid_to is None or r.valid_to > r.valid_from)


@pytest.mark.promise("order")
@settings(max_examples=300, deadline=None)
@given(st.lists(steps, min_size=1, max_size=7))
def test_versions_are_gapless_and_never_true_at_once_and_nothing_is_lost(
    told: list[tuple[int, list[tuple[str, datetime | None, set[int]]]]],
) -> None:
    rows: dict[Key, MemoryRecord] = {}
    now = NOON
    for number, (days, items) in enumerate(told):
        now += timedelta(days=days, seconds=5)
        ids = sorted({r.id for r in rows.values()})
        proposals = [
            Proposal(
                draft=FactDraft(
                    text=f"uses {text}", valid_from=since, replaces=tuple(ids[i] for i in targets if i < len(ids))
                ),
                memory_id=ANA.prefix + f"{number:05}{item:05}".translate(str.maketrans("0123456789", "abcdefghij")),
            )
            for item, (text, since, targets) in enumerate(items)
        ]
        digests = {fact_digest(proposal.draft.text) for proposal in proposals}
        known = [r for r in rows.values() if r.digest in digests]
        concerned = {r.id for r in known} | {i for proposal in proposals for i in proposal.draft.replaces}
        versions = [r for r in rows.values() if r.id in concerned]
        try:
            made = plan_facts(proposals, replace(OCCASION, now=now), known=known, versions=versions)
        except (InvalidInput, MemoryNotFound):
            continue
        before, rows = rows, carried_out(made, rows)
        assert before.keys() <= rows.keys()
        for outcome in made.outcomes:
            assert outcome.event in {Event.ADD, Event.UPDATE, Event.NONE}
            assert outcome.record.key in rows
        for memory_id in {r.id for r in rows.values()}:
            of_memory = [r for r in rows.values() if r.id == memory_id]
            assert sorted(r.version for r in of_memory) == list(range(1, len(of_memory) + 1))
            assert all(r.valid_to is None or r.valid_to >= r.valid_from for r in of_memory)
            intervals = true_intervals(of_memory)
            assert all(one[1] <= other[0] for one, other in pairwise(intervals))
