from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import ANA, NOON, record
from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.remembering.plan import Plan, Proposal, outdated_episodes, plan_facts, source_of
from scrubjay.remembering.rows import Occasion, fact_digest
from scrubjay.types import Caller, Event, FactDraft, Kind, MemoryRecord, Scope

EARLIER, YESTERDAY, LATER = NOON - timedelta(days=14), NOON - timedelta(days=1), NOON + timedelta(days=1)
OCCASION = Occasion(caller=Caller(user_id="ana"), owner=ANA, scope=Scope.USER, now=NOON)


def known(memory_id: str, text: str, *, valid_from: datetime = EARLIER, **columns: Any) -> MemoryRecord:
    """Return a known fact; unless recorded at its `valid_from`, it was stated to be true from then on."""
    return record(memory_id, text, digest=fact_digest(text), valid_from=valid_from, **columns)


def plan(drafts: list[FactDraft], *knowns: MemoryRecord, source: MemoryRecord | None = None) -> Plan:
    proposals = [
        Proposal(draft=draft, memory_id=f"{ANA.prefix}{number:010}", source=source)
        for number, draft in enumerate(drafts)
    ]
    return plan_facts(proposals, OCCASION, known=knowns, versions=knowns)


def test_a_new_fact_is_added_and_is_true_from_now_on() -> None:
    made = plan([FactDraft(text="Ana has a cat")])
    assert [outcome.event for outcome in made.outcomes] == [Event.ADD]
    assert made.inserted[0].valid_from == NOON
    assert made.inserted[0].valid_to is None
    assert made.inserted[0].id.startswith(ANA.prefix)


def test_what_is_known_already_changes_nothing() -> None:
    old = known("old", "Ana has a cat")
    made = plan([FactDraft(text="ana has a  cat.")], old)
    assert made.outcomes[0].event is Event.NONE
    assert made.outcomes[0].record.id == "old"
    assert not made.inserted
    assert not made.replaced


def test_the_same_fact_twice_in_one_call_is_stored_once() -> None:
    made = plan([FactDraft(text="Ana has a cat"), FactDraft(text="Ana has a cat.")])
    assert [outcome.event for outcome in made.outcomes] == [Event.ADD, Event.NONE]
    assert len(made.inserted) == 1


def test_a_fact_that_replaces_a_memory_becomes_its_next_version() -> None:
    old = known("old", "The project uses React")
    made = plan([FactDraft(text="The project uses Vue", replaces=("old",))], old)
    assert made.outcomes[0].event is Event.UPDATE
    assert made.outcomes[0].previous == "The project uses React"
    assert made.inserted[0].key == ("old", 2)
    assert made.replaced[0].key == ("old", 1)
    assert made.replaced[0].valid_to == NOON


def test_of_several_it_takes_the_first_ones_id_and_closes_the_others() -> None:
    one, two = known("one", "Uses React"), known("two", "Uses Tailwind")
    made = plan([FactDraft(text="Uses Bootstrap", replaces=("one", "two"))], one, two)
    assert made.inserted[0].key == ("one", 2)
    assert {r.id: r.superseded_by for r in made.replaced} == {"one": "", "two": "one"}


def test_sending_a_known_fact_again_with_replaces_closes_the_old_one() -> None:
    old, new = known("old", "Uses React"), known("new", "Uses Vue", valid_from=NOON)
    made = plan([FactDraft(text="Uses Vue", replaces=("old",))], old, new)
    assert made.outcomes[0].event is Event.UPDATE
    assert not made.inserted
    assert made.replaced[0].superseded_by == "new"
    assert made.replaced[0].valid_to == NOON


def test_a_fact_from_before_what_it_would_replace_goes_into_its_past() -> None:
    current = known("current", "Lives in Porto", valid_from=YESTERDAY)
    draft = FactDraft(text="Lives in Lisbon", valid_from=EARLIER, replaces=("current",))
    made = plan([draft], current)
    assert made.outcomes[0].event is Event.ADD
    assert made.inserted[0].valid_to == YESTERDAY
    assert made.inserted[0].superseded_by == "current"
    assert not made.replaced
    again = plan([draft], current, *made.inserted)
    assert again.outcomes[0].event is Event.NONE
    assert not again.inserted


def test_a_date_before_the_recording_of_an_undated_memory_does_not_keep_it() -> None:
    current = known("current", "Uses React", valid_from=NOON)
    made = plan([FactDraft(text="Uses Vue", valid_from=EARLIER, replaces=("current",))], current)
    assert made.outcomes[0].event is Event.UPDATE
    assert made.inserted[0].valid_from == EARLIER
    assert made.replaced[0].valid_to == NOON


def test_dates_alone_are_whole_days() -> None:
    stated = known("current", "Uses React", valid_from=NOON - timedelta(hours=2))
    midnight = NOON.replace(hour=0)
    made = plan([FactDraft(text="Uses Vue", valid_from=midnight, replaces=("current",))], stated)
    assert made.outcomes[0].event is Event.UPDATE


def test_one_newer_target_does_not_keep_the_older_ones() -> None:
    fiat, seat = known("fiat", "Has a Fiat"), known("seat", "Has a Seat", valid_from=YESTERDAY)
    middle = EARLIER + timedelta(days=3)
    made = plan([FactDraft(text="Has a Dacia", valid_from=middle, replaces=("fiat", "seat"))], fiat, seat)
    assert made.inserted[0].key == ("fiat", 2)
    assert (made.inserted[0].valid_to, made.inserted[0].superseded_by) == (YESTERDAY, "seat")
    assert [(r.id, r.valid_to) for r in made.replaced] == [("fiat", middle)]


@pytest.mark.promise("order")
def test_what_will_be_true_is_replaced_as_well_and_no_version_is_reused() -> None:
    acme = known("job", "Works at Acme", valid_to=LATER)
    bolt = replace(known("job", "Works at Bolt", valid_from=LATER), version=2)
    expired = replace(known("job", "On leave"), version=3, valid_to=NOON, expires_at=YESTERDAY)
    made = plan([FactDraft(text="Works at Corex", replaces=("job",))], acme, bolt, expired)
    assert made.inserted[0].key == ("job", 4)
    assert made.outcomes[0].previous == "Works at Acme"
    assert {r.key: r.valid_to for r in made.replaced} == {("job", 1): NOON, ("job", 2): LATER}


def test_a_known_fact_that_replaces_a_later_one_leaves_it_its_past() -> None:
    vue, react = known("vue", "Uses Vue"), known("react", "Uses React", valid_from=YESTERDAY)
    made = plan([FactDraft(text="Uses Vue", replaces=("react",))], vue, react)
    assert [(r.id, r.valid_to) for r in made.replaced] == [("react", NOON)]


def test_a_known_fact_comes_to_rest_on_the_words_it_is_sent_with() -> None:
    old = known("old", "Ana's door code is 4711")
    words = record("e", "The door code is 4711", kind=Kind.EPISODE)
    made = plan([FactDraft(text="Ana's door code is 4711", evidence="code is 4711")], old, source=words)
    assert made.outcomes[0].event is Event.NONE
    assert [(r.id, r.source_ids, r.evidence) for r in made.replaced] == [("old", ("old", "e"), ("code is 4711",))]


def test_a_fact_that_replaces_words_has_an_id_of_its_own() -> None:
    words = record("e", "I have a dog called Rex", kind=Kind.EPISODE, valid_from=EARLIER)
    made = plan([FactDraft(text="Ana's dog is called Max", replaces=("e",))], words)
    assert made.outcomes[0].event is Event.UPDATE
    assert made.inserted[0].id != "e"
    assert [(r.id, r.superseded_by) for r in made.replaced] == [("e", made.inserted[0].id)]


def test_what_a_call_has_closed_can_be_said_anew_in_it() -> None:
    old = known("old", "Uses React")
    made = plan([FactDraft(text="Uses Vue", replaces=("old",)), FactDraft(text="Uses React")], old)
    assert [outcome.event for outcome in made.outcomes] == [Event.UPDATE, Event.ADD]


def test_a_superseded_target_is_refused_with_its_successor() -> None:
    old = known("old", "Uses React", valid_to=YESTERDAY, superseded_by="new")
    with pytest.raises(InvalidInput, match="'old', which 'new' has superseded"):
        plan([FactDraft(text="Uses Vue", replaces=("old",))], old)


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(MemoryNotFound, match="nobody"):
        plan([FactDraft(text="x", replaces=("nobody",))])


def test_a_target_that_two_facts_replace_is_refused() -> None:
    with pytest.raises(InvalidInput, match="in two facts"):
        plan([FactDraft(text="a", replaces=("old",)), FactDraft(text="b", replaces=("old",))], known("old", "c"))


def test_evidence_must_be_words_of_the_messages() -> None:
    episodes = [record("e0", "Hello", kind=Kind.EPISODE), record("e1", "I moved to  Porto", kind=Kind.EPISODE)]
    assert source_of(FactDraft(text="x", evidence="moved to Porto"), episodes, field="facts[0]") == episodes[1]
    with pytest.raises(InvalidInput, match=r"facts\[0\].evidence is not a verbatim part"):
        source_of(FactDraft(text="x", evidence="moved to Lisbon"), episodes, field="facts[0]")
    for nothing in ("", "   "):
        with pytest.raises(InvalidInput, match=r"facts\[0\].evidence is needed"):
            source_of(FactDraft(text="x", evidence=nothing), episodes, field="facts[0]")
    with pytest.raises(InvalidInput, match=r"facts\[0\].evidence is needed"):
        source_of(FactDraft(text="x"), episodes, field="facts[0]")
    assert source_of(FactDraft(text="x"), [], field="facts[0]") is None


TEXTS = st.sampled_from([f"fact {number}" for number in range(6)])
MOMENTS = st.sampled_from([EARLIER, NOON, LATER])


@given(
    st.lists(st.tuples(TEXTS, MOMENTS), max_size=4, unique_by=lambda pair: pair[0]),
    st.lists(st.tuples(TEXTS, st.none() | MOMENTS, st.sets(st.integers(0, 3), max_size=2)), max_size=4),
)
def test_whatever_is_proposed_no_key_is_written_twice_and_nothing_ends_before_it_begins(
    olds: list[tuple[str, datetime]], news: list[tuple[str, datetime | None, set[int]]]
) -> None:
    knowns = [known(f"k{number}", text, valid_from=at) for number, (text, at) in enumerate(olds)]
    drafts = [
        FactDraft(text=text, valid_from=at, replaces=tuple(f"k{i}" for i in sorted(targets) if i < len(knowns)))
        for text, at, targets in news
    ]
    try:
        made = plan(drafts, *knowns)
    except InvalidInput:
        return
    keys = [r.key for r in (*made.inserted, *made.replaced)]
    assert len(keys) == len(set(keys))
    assert all(r.valid_to is None or r.valid_to >= r.valid_from for r in (*made.inserted, *made.replaced))
    assert len(made.outcomes) == len(drafts)
    closed = [r.id for r in made.replaced]
    assert len(closed) == len(set(closed))


def intervals(made: Plan, *knowns: MemoryRecord) -> list[tuple[str, datetime, datetime | None]]:
    """Return what the rows say once the plan is carried out: text, from, to; without what was never true."""
    rows = {r.key: r for r in (*knowns, *made.replaced, *made.inserted)}
    true = [r for r in rows.values() if r.valid_to is None or r.valid_to > r.valid_from]
    return [(r.text, r.valid_from, r.valid_to) for r in sorted(true, key=lambda r: r.valid_from)]


@pytest.mark.promise("order")
def test_no_two_versions_are_true_at_once_when_a_date_reaches_back() -> None:
    react = known("css", "Uses React", valid_to=YESTERDAY)
    vue = replace(known("css", "Uses Vue", valid_from=YESTERDAY, recorded_at=YESTERDAY), version=2)
    since = YESTERDAY - timedelta(days=2)
    made = plan([FactDraft(text="Uses Svelte", valid_from=since, replaces=("css",))], react, vue)
    assert intervals(made, react, vue) == [("Uses React", EARLIER, since), ("Uses Svelte", since, None)]


def test_a_planned_end_is_not_moved_later() -> None:
    later = LATER + timedelta(days=90)
    acme = known("job", "Works at Acme", valid_to=LATER)
    bolt = replace(known("job", "Works at Bolt", valid_from=LATER), version=2)
    made = plan([FactDraft(text="Works at Corex", valid_from=later, replaces=("job",))], acme, bolt)
    assert intervals(made, acme, bolt) == [
        ("Works at Acme", EARLIER, LATER),
        ("Works at Bolt", LATER, later),
        ("Works at Corex", later, None),
    ]


def test_a_planned_change_can_be_cancelled() -> None:
    acme = known("job", "Works at Acme", valid_to=LATER)
    bolt = replace(known("job", "Works at Bolt", valid_from=LATER), version=2)
    made = plan([FactDraft(text="Works at Acme", replaces=("job",))], acme, bolt)
    assert made.outcomes[0].event is Event.UPDATE
    assert intervals(made, acme, bolt) == [("Works at Acme", EARLIER, NOON), ("Works at Acme", NOON, None)]
    apart = known("bolt", "Works at Bolt", valid_from=LATER)
    ending = replace(acme, superseded_by="bolt")
    made = plan([FactDraft(text="Works at Acme", replaces=("bolt",))], ending, apart)
    assert intervals(made, ending, apart) == [("Works at Acme", EARLIER, NOON), ("Works at Acme", NOON, None)]


def test_what_was_to_come_can_come_at_once() -> None:
    berlin = known("home", "Lives in Berlin", valid_from=LATER)
    made = plan([FactDraft(text="Lives in Berlin")], berlin)
    assert made.outcomes[0].event is Event.UPDATE
    assert intervals(made, berlin) == [("Lives in Berlin", NOON, None)]


def test_a_correction_can_be_taken_back() -> None:
    cat = known("pet", "Ana has a cat", valid_to=EARLIER)
    dog = replace(known("pet", "Ana has a dog"), version=2)
    made = plan([FactDraft(text="Ana has a cat", valid_from=EARLIER)], cat, dog)
    assert made.outcomes[0].event is Event.ADD
    going_back = plan([FactDraft(text="Ana has a cat", valid_from=EARLIER, replaces=("pet",))], cat, dog)
    assert going_back.inserted[0].key == ("pet", 3)
    assert intervals(going_back, cat, dog) == [("Ana has a cat", EARLIER, None)]


def test_what_is_past_in_a_call_does_not_stand_for_what_holds() -> None:
    porto = known("home", "Lives in Porto", valid_from=YESTERDAY)
    past = FactDraft(text="Lives in Lisbon", valid_from=EARLIER, replaces=("home",))
    made = plan([past, FactDraft(text="Lives in Lisbon")], porto)
    assert [outcome.event for outcome in made.outcomes] == [Event.ADD, Event.ADD]


def test_what_one_fact_notes_another_keeps() -> None:
    used = known("b", "Uses B")
    words = record("e", "I used B, now C", kind=Kind.EPISODE)
    drafts = [FactDraft(text="Uses B", evidence="used B"), FactDraft(text="Uses C", evidence="now C", replaces=("b",))]
    made = plan(drafts, used, source=words)
    assert [(r.key, r.source_ids, r.valid_to) for r in made.replaced] == [(("b", 1), ("b", "e"), NOON)]


def test_an_episode_stays_while_a_new_fact_rests_on_it() -> None:
    words = record("e", "I moved from React to Vue", kind=Kind.EPISODE, valid_from=EARLIER)
    react = known("f", "Uses React", source_ids=("e",), evidence=("moved from React to Vue",))
    closed = replace(react, valid_to=NOON)
    vue = replace(known("f", "Uses Vue", source_ids=("e",), evidence=("React to Vue",)), version=2)
    assert outdated_episodes([closed], [words], [react], now=NOON) == [replace(words, valid_to=NOON)]
    assert outdated_episodes([closed], [words], [react, vue], now=NOON) == []


def test_what_a_call_has_made_never_true_is_not_what_it_knows() -> None:
    tea = known("drink", "Likes tea", valid_from=LATER)
    drafts = [
        FactDraft(text="Likes coffee", valid_from=LATER, replaces=("drink",)),
        FactDraft(text="Likes tea", valid_from=LATER),
    ]
    made = plan(drafts, tea)
    assert [outcome.event for outcome in made.outcomes] == [Event.UPDATE, Event.ADD]
    assert sorted(text for text, _, _ in intervals(made, tea)) == ["Likes coffee", "Likes tea"]
