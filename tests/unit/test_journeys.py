"""The verbs on an engine whose clock is in the test's hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clock import Clock
from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.inputs import facts_of, messages_of
from scrubjay.journeys.adding import Added, Addition, add
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.forgetting import forget, forget_everything
from scrubjay.journeys.listing import Listing, history, list_memories
from scrubjay.journeys.searching import Question, search
from scrubjay.journeys.updating import update
from scrubjay.types import Caller, Event, Filter, Scope, State

ANA = Caller(user_id="ana", agent_id="assistant", written_by="ana")
SESSION = Caller(user_id="ana", agent_id="assistant", session_id="s", written_by="ana")
HOUR = timedelta(hours=1)


def say(engine: Engine, *texts: str, caller: Caller = ANA, scope: Scope = Scope.USER) -> Added:
    return add(engine, caller, Addition(messages=messages_of([{"content": text} for text in texts]), scope=scope))


def state(engine: Engine, text: str, **fields: object) -> Added:
    return add(engine, ANA, Addition(facts=facts_of([{"text": text, **fields}])))


def listed(engine: Engine, caller: Caller = ANA, **options: object) -> list[str]:
    return [record.text for record in list_memories(engine, caller, Listing(**options)).memories]  # type: ignore[arg-type]


def found(engine: Engine, query: str, caller: Caller = ANA, **options: object) -> list[str]:
    return [hit.record.text for hit in search(engine, caller, Question(query=query, **options)).hits]  # type: ignore[arg-type]


@pytest.mark.promise("sessions")
def test_a_session_memory_lives_for_its_time_and_no_longer(engine: Engine, clock: Clock) -> None:
    say(engine, "Use metric units", caller=SESSION, scope=Scope.SESSION)
    clock.forward(23 * HOUR)
    assert found(engine, "units", SESSION) == ["Use metric units"]
    clock.forward(2 * HOUR)
    assert found(engine, "units", SESSION) == []
    assert found(engine, "units", SESSION, as_of=clock.now() - 3 * HOUR) == []
    assert listed(engine, SESSION, include_superseded=True) == []


def test_a_fact_expires_when_it_says(engine: Engine, clock: Clock) -> None:
    added = state(engine, "The guest code is 4711", expires_at="2026-11-20")
    assert found(engine, "guest code")
    clock.forward(timedelta(days=1))
    assert found(engine, "guest code") == []
    with pytest.raises(MemoryNotFound):
        history(engine, ANA, added.outcomes[0].record.id)


@pytest.mark.promise("history")
def test_imported_facts_answer_as_of_their_own_time(engine: Engine) -> None:
    lisbon = state(engine, "Ana lives in Lisbon", valid_from="2020-01-01").outcomes[0].record
    state(engine, "Ana lives in Porto", valid_from="2024-05-01", replaces=[lisbon.id])
    at = {
        year: found(engine, "Where does Ana live?", as_of=datetime(year, 6, 1, tzinfo=UTC))
        for year in (2019, 2021, 2025)
    }
    assert at == {2019: [], 2021: ["Ana lives in Lisbon"], 2025: ["Ana lives in Porto"]}
    assert found(engine, "Where does Ana live?") == ["Ana lives in Porto"]


def test_words_that_are_no_longer_true_are_outdated_with_their_last_fact(engine: Engine, clock: Clock) -> None:
    said = messages_of([{"content": "We use React and Tailwind", "time": "2026-11-06"}])
    drafts = facts_of([{"text": "The project uses React and Tailwind", "evidence": "We use React and Tailwind"}])
    old = add(engine, ANA, Addition(messages=said, facts=drafts)).outcomes[1].record
    state(engine, "The project uses Bootstrap", replaces=[old.id])
    assert found(engine, "React Tailwind") == ["The project uses Bootstrap"]
    assert "We use React and Tailwind" in found(engine, "React", as_of=datetime(2026, 11, 10, tzinfo=UTC))[0]
    again = add(engine, ANA, Addition(messages=said)).outcomes[0]
    assert again.event is Event.NONE
    assert found(engine, "React Tailwind") == ["The project uses Bootstrap"]


def test_words_that_say_more_than_the_fact_stay(engine: Engine) -> None:
    words = "We use React, by the way my dog Rex has turned seven and my sister Eva moved to Bergen"
    drafts = facts_of([{"text": "The project uses React", "evidence": "We use React"}])
    old = add(engine, ANA, Addition(messages=messages_of(words), facts=drafts)).outcomes[1].record
    state(engine, "The project uses Vue", replaces=[old.id])
    assert words in found(engine, "How old is the dog Rex?")


def test_what_is_listed_are_facts_and_words_that_no_fact_rests_on(engine: Engine) -> None:
    say(engine, "Just words")
    drafts = facts_of([{"text": "Ana has a dog", "evidence": "a dog"}])
    add(engine, ANA, Addition(messages=messages_of("I have a dog"), facts=drafts))
    assert listed(engine) == ["Ana has a dog", "Just words"]


def test_a_short_reply_is_found_by_the_question_before_it(engine: Engine) -> None:
    say(engine, "The invoices are in the second drawer", "Where will the conference be?", "In Lisbon!")
    assert found(engine, "conference")[:2] == ["Where will the conference be?", "In Lisbon!"]


def test_a_conversation_goes_on_over_several_calls(engine: Engine) -> None:
    say(engine, "Where will the conference be?", caller=SESSION)
    reply = say(engine, "In Lisbon!", caller=SESSION).outcomes[0].record
    assert reply.turn == 1
    assert "conference" in reply.lexical


def test_suspect_memories_are_listed_only_when_asked_for(engine: Engine) -> None:
    record = state(engine, "Ana has a cat").outcomes[0].record
    owner = ANA.owner_of(Scope.USER)
    with engine.store.exclusive(owner):
        vectors = engine.embedder.embed_documents([])
        engine.store.write(owner, inserted=(), vectors=vectors, replaced=[replace(record, state=State.SUSPECT)])
    assert listed(engine) == []
    assert found(engine, "cat") == []
    assert listed(engine, state=State.SUSPECT) == ["Ana has a cat"]


def test_related_leaves_out_what_the_add_has_replaced_itself(engine: Engine) -> None:
    old = state(engine, "Ana's favourite tea is green").outcomes[0].record
    added = state(engine, "Ana's favourite tea is black", replaces=[old.id])
    assert added.related == ()


def test_a_correction_of_a_superseded_memory_is_refused(engine: Engine) -> None:
    one = state(engine, "Uses React").outcomes[0].record
    two = state(engine, "Uses Tailwind").outcomes[0].record
    state(engine, "Uses Bootstrap", replaces=[one.id, two.id])
    with pytest.raises(MemoryNotFound):
        update(engine, ANA, two.id, "Uses Tailwind 4")
    assert [record.text for record in history(engine, ANA, one.id)] == ["Uses Bootstrap", "Uses React", "Uses Tailwind"]


def test_everything_of_a_person_takes_sessions_and_the_lessons_they_wrote(engine: Engine) -> None:
    ben = Caller(user_id="ben", agent_id="assistant", written_by="ben")
    state(engine, "Ana has a cat")
    say(engine, "For now", caller=SESSION, scope=Scope.SESSION)
    say(engine, "Ana's lesson", scope=Scope.AGENT)
    say(engine, "Ben's lesson", caller=ben, scope=Scope.AGENT)
    say(engine, "Ben has a dog", caller=ben)
    receipt = forget_everything(engine, ANA, Scope.USER)
    assert receipt.erased == 3
    assert listed(engine, SESSION) == ["Ben's lesson"]
    assert listed(engine, ben) == ["Ben has a dog", "Ben's lesson"]


def test_forgetting_a_fact_reaches_every_version_and_its_words(engine: Engine) -> None:
    drafts = facts_of([{"text": "Ana's pin is 4711", "evidence": "pin is 4711"}])
    first = add(engine, ANA, Addition(messages=messages_of("My pin is 4711"), facts=drafts)).outcomes[1].record
    state(engine, "Ana's pin is 4712", replaces=[first.id])
    forget(engine, ANA, [first.id])
    assert engine.store.count(ANA.owner_of(Scope.USER), Filter()) == 0


def test_a_limit_of_nothing_is_refused(engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="limit is 0"):
        found(engine, "x", limit=0)
    with pytest.raises(InvalidInput, match="limit is 0"):
        listed(engine, limit=0)
