"""Search on an engine whose clock is in the test's hand: what a person would notice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clock import Clock
from records import erase
from scrubjay.errors import MemoryNotFound
from scrubjay.inputs import facts_of, messages_of
from scrubjay.journeys.adding import Addition, add
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.forgetting import forget
from scrubjay.journeys.listing import Listing, list_memories
from scrubjay.journeys.searching import Question, search
from scrubjay.moments import last_instant
from scrubjay.rights import Right
from scrubjay.types import Caller, Filter, MemoryRecord, Owner, Scope, Shown

ANA = Caller(user_id="ana", agent_id="assistant", written_by="ana")


def tell(
    engine: Engine, *messages: dict[str, Any], facts: tuple[dict[str, Any], ...] = (), **options: Any
) -> list[str]:
    addition = Addition(messages=messages_of(messages), facts=facts_of(facts), **options)
    return [outcome.record.id for outcome in add(engine, ANA, addition).outcomes]


def hits(engine: Engine, query: str, **options: Any) -> tuple[Shown, ...]:
    return search(engine, ANA, Question(query=query, **options)).hits


def texts(engine: Engine, query: str, **options: Any) -> list[str]:
    return [hit.record.text for hit in hits(engine, query, **options)]


def test_what_is_best_among_unfitting_lessons_does_not_push_fitting_words_out(engine: Engine) -> None:
    tell(engine, *({"content": said} for said in ("I love spicy Thai food", "I like sushi on Fridays")))
    tell(engine, facts=({"text": "The deploy script needs sudo rights"},), scope=Scope.AGENT)
    lesson = hits(engine, "What food do I like?", limit=3)[-1]
    assert lesson.record.scope is Scope.AGENT
    assert lesson.score is not None
    assert lesson.score < 0.1


@pytest.mark.promise("as-of")
def test_words_said_later_prove_nothing_before(engine: Engine) -> None:
    fact = {"text": "Ana lives in Lisbon"}
    tell(
        engine, {"content": "Moved to Lisbon.", "time": "2024-03-01"}, facts=({**fact, "evidence": "Moved to Lisbon."},)
    )
    later = {"content": "Still in Lisbon, after the divorce.", "time": "2026-03-01"}
    tell(engine, later, facts=({**fact, "evidence": "Still in Lisbon, after the divorce."},))
    then = datetime(2025, 1, 1, tzinfo=UTC)
    assert hits(engine, "Where does Ana live?", as_of=then)[0].record.evidence == ("Moved to Lisbon.",)
    listed = list_memories(engine, ANA, Listing(as_of=then)).memories
    assert [row.record.evidence for row in listed] == [("Moved to Lisbon.",)]
    assert len(hits(engine, "Where does Ana live?")[0].record.evidence) == 2


def test_what_will_hold_does_not_hide_what_holds(engine: Engine) -> None:
    (lisbon,) = tell(engine, facts=({"text": "Ana lives in Lisbon", "valid_from": "2025-01-01"},))
    tell(engine, facts=({"text": "Ana lives in Porto", "valid_from": "2030-01-01", "replaces": [lisbon]},))
    assert set(texts(engine, "Where does Ana live?")) == {"Ana lives in Lisbon", "Ana lives in Porto"}


def test_words_that_are_forgotten_while_a_search_runs_are_not_quoted(engine: Engine) -> None:
    said = "The hint for the wifi is grandmother's purple bicycle, ask Tom about the router if it blinks"
    fact = {"text": "There is a wifi hint", "evidence": "The hint for the wifi"}
    episode, _ = tell(engine, {"content": said}, facts=(fact,))
    assert "purple bicycle" in str(hits(engine, "grandmother's purple bicycle")[0].record.evidence)

    class Forgetting:
        """The store, from which somebody else forgets words just before the best rows are read."""

        def __getattr__(self, name: str) -> Any:
            return getattr(engine.store, name)

        def find(self, owner: Owner, where: Filter, **options: Any) -> list[MemoryRecord]:
            if where.ids is not None and episode in where.ids:
                erase(engine.store, owner, episode)
            return engine.store.find(owner, where, **options)

    racing = replace(engine, store=Forgetting())
    assert "purple" not in str(hits(racing, "grandmother's purple bicycle"))


def test_a_limit_is_filled_although_facts_rest_on_many_words(engine: Engine) -> None:
    for number in range(12):
        said = [{"content": f"Crate {number} holds tea, line {line}"} for line in range(8)]
        facts = tuple({"text": f"Crate {number} holds tea", "evidence": line["content"]} for line in said)
        for line, fact in zip(said, facts, strict=True):
            tell(engine, line, facts=(fact,))
    assert len(texts(engine, "Which crates hold tea?", limit=12)) == 12


def test_the_newer_of_two_statements_of_one_day_comes_first(engine: Engine, clock: Clock) -> None:
    tell(engine, {"content": "My manager is Tom"})
    clock.forward(timedelta(hours=5))
    tell(engine, {"content": "My manager is Lea"})
    assert texts(engine, "Who is my manager?")[0] == "My manager is Lea"


def test_what_shall_be_done_today_is_not_asked_of_what_was_said_today(engine: Engine, clock: Clock) -> None:
    tell(engine, {"content": "I am vegetarian and love lentil soup", "time": "2026-01-05"})
    tell(engine, *({"content": said} for said in ("My train was late", "I have a headache", "The printer is broken")))
    assert texts(engine, "What should I cook today?")[0] == "I am vegetarian and love lentil soup"
    assert texts(engine, "What did I say about the printer today?")[0] == "The printer is broken"


def test_a_word_that_is_somebodys_name_as_well_is_read_as_it_is_written(engine: Engine) -> None:
    tell(engine, {"content": "I teach maths", "name": "Mark"}, {"content": "My mark in maths was a B", "name": "Ana"})
    assert texts(engine, "What mark did I get?")[0] == "My mark in maths was a B"
    assert texts(engine, "What does Mark teach?")[0] == "I teach maths"


def test_the_first_day_of_the_calendar_is_a_day(engine: Engine) -> None:
    assert last_instant("0001-01-01", field="until") == datetime(1, 1, 1, 23, 59, 59, 999999, tzinfo=UTC)
    assert texts(engine, "tea", as_of=last_instant("0001-01-01", field="as_of")) == []


def test_forgotten_is_found_by_nobody(engine: Engine) -> None:
    (tea,) = tell(engine, {"content": "I drink tea"})
    assert texts(engine, "tea") == ["I drink tea"]
    forget(engine, ANA, [tea])
    assert texts(engine, "tea") == []
    with pytest.raises(MemoryNotFound):
        engine.required_owner("aaaaaaaaaaaaaaaa", ANA, Right.READ)
