"""The verbs on an engine whose clock is in the test's hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clock import Clock
from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.inputs import facts_of, messages_of
from scrubjay.journeys.adding import Added, Addition, add
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.forgetting import forget, forget_everything
from scrubjay.journeys.listing import Listing, current_version, history, list_memories
from scrubjay.journeys.searching import Question, search
from scrubjay.journeys.updating import update
from scrubjay.moments import last_instant, shown
from scrubjay.recall.query import lexical_query
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.types import PREFIX_CHARS, Caller, Event, Filter, Scope, State, Visibility

ANA = Caller(user_id="ana", agent_id="assistant", written_by="ana")
SESSION = Caller(user_id="ana", agent_id="assistant", session_id="s", written_by="ana")
HOUR = timedelta(hours=1)


def say(engine: Engine, *texts: str, caller: Caller = ANA, scope: Scope = Scope.USER) -> Added:
    return add(engine, caller, Addition(messages=messages_of([{"content": text} for text in texts]), scope=scope))


def state(engine: Engine, text: str, **fields: object) -> Added:
    return add(engine, ANA, Addition(facts=facts_of([{"text": text, **fields}])))


def listed(engine: Engine, caller: Caller = ANA, **options: object) -> list[str]:
    return [row.record.text for row in list_memories(engine, caller, Listing(**options)).memories]  # type: ignore[arg-type]


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
    assert found(engine, "React", as_of=datetime(2026, 11, 10, tzinfo=UTC)) == ["The project uses React and Tailwind"]
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
    with pytest.raises(InvalidInput, match=f"superseded by '{one.id}'"):
        update(engine, ANA, two.id, "Uses Tailwind 4")
    with pytest.raises(InvalidInput, match=f"'{one.id}' has superseded"):
        state(engine, "Uses plain CSS", replaces=[two.id])
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
    assert sorted(listed(engine, ben)) == ["Ben has a dog", "Ben's lesson"]


def test_forgetting_a_fact_reaches_every_version_and_its_words(engine: Engine) -> None:
    drafts = facts_of([{"text": "Ana's badge is 4711", "evidence": "badge is 4711"}])
    first = add(engine, ANA, Addition(messages=messages_of("My badge is 4711"), facts=drafts)).outcomes[1].record
    state(engine, "Ana's badge is 4712", replaces=[first.id])
    forget(engine, ANA, [first.id])
    assert engine.store.count(ANA.owner_of(Scope.USER), Filter()) == 0


def test_a_limit_of_nothing_is_refused(engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="limit is 0"):
        found(engine, "x", limit=0)
    with pytest.raises(InvalidInput, match="limit is 0"):
        listed(engine, limit=0)


@pytest.mark.promise("order")
def test_three_versions_are_three_rows_whatever_their_dates(engine: Engine) -> None:
    first = state(engine, "Ana works at Acme").outcomes[0].record
    state(engine, "Ana works at Bolt", valid_from="2030-01-01", replaces=[first.id])
    assert current_version(engine, ANA, first.id).text == "Ana works at Acme"
    state(engine, "Ana works at Corex", replaces=[first.id])
    versions = [(r.version, r.text) for r in history(engine, ANA, first.id)]
    assert versions == [(3, "Ana works at Corex"), (2, "Ana works at Bolt"), (1, "Ana works at Acme")]
    assert found(engine, "Where does Ana work?") == ["Ana works at Corex"]


def test_a_fact_that_has_expired_already_is_refused(engine: Engine) -> None:
    for fields in ({"expires_at": "2020-01-01"}, {"expires_at": "2026-11-25", "valid_from": "2026-12-01"}):
        with pytest.raises(InvalidInput, match=r"facts\[0\].expires_at lies before"):
            state(engine, "Coupon", **fields)
    assert listed(engine, include_superseded=True) == []


def test_an_expired_version_does_not_bring_the_old_one_back(engine: Engine, clock: Clock) -> None:
    home = state(engine, "Ana is at home").outcomes[0].record
    state(engine, "Ana is on leave", expires_at="2026-11-21", replaces=[home.id])
    clock.forward(timedelta(days=3))
    assert [r.text for r in history(engine, ANA, home.id)] == ["Ana is at home"]
    assert found(engine, "Where is Ana?") == listed(engine) == []
    with pytest.raises(InvalidInput, match="superseded"):
        update(engine, ANA, home.id, "Ana is at work")
    with pytest.raises(MemoryNotFound):
        state(engine, "Ana is at work", replaces=[home.id])


@pytest.mark.promise("sessions")
def test_words_of_a_session_are_not_indexed_with_a_lasting_reply(engine: Engine) -> None:
    say(engine, "The secret codename is Kestrel", caller=SESSION, scope=Scope.SESSION)
    lasting = say(engine, "Yes, please do that", caller=SESSION).outcomes[0].record
    assert "Kestrel" not in lasting.lexical


@pytest.mark.promise("sessions")
def test_a_session_memory_is_read_by_id_in_its_session_only(engine: Engine) -> None:
    memory_id = say(engine, "For now", caller=SESSION, scope=Scope.SESSION).outcomes[0].record.id
    assert history(engine, SESSION, memory_id)
    for other in (ANA, Caller(user_id="ana", agent_id="assistant", session_id="other")):
        with pytest.raises(MemoryNotFound):
            history(engine, other, memory_id)


@pytest.mark.promise("erasure")
def test_another_spelling_of_forgotten_words_is_not_left_beside_them(engine: Engine) -> None:
    first = say(engine, "My pin is zanzibar 9").outcomes[0].record
    say(engine, "my pin is  zanzibar 9.", "Yes please")
    forget(engine, ANA, [first.id])
    rows = engine.store.find(ANA.owner_of(Scope.USER), Filter())
    assert [row.text for row in rows] == ["Yes please"]
    assert "zanzibar" not in rows[0].lexical


def test_evidence_is_quoted_from_what_was_sent(engine: Engine) -> None:
    say(engine, "I moved to Porto")
    drafts = facts_of([{"text": "Ana lives in Porto", "evidence": "i MOVED to Porto"}])
    added = add(engine, ANA, Addition(messages=messages_of("i MOVED to Porto!"), facts=drafts))
    assert [outcome.event for outcome in added.outcomes] == [Event.NONE, Event.ADD]


def test_forgetting_old_words_leaves_what_rests_on_newer_ones(engine: Engine) -> None:
    react = facts_of([{"text": "Ana uses React", "evidence": "I use React"}])
    first = add(engine, ANA, Addition(messages=messages_of("I use React in my app"), facts=react))
    words, fact = (outcome.record for outcome in first.outcomes)
    vue = facts_of([{"text": "Ana uses Vue", "evidence": "moved everything to Vue", "replaces": [fact.id]}])
    add(engine, ANA, Addition(messages=messages_of("I moved everything to Vue"), facts=vue))
    forget(engine, ANA, [words.id])
    assert found(engine, "Which framework does Ana use?")[0] == "Ana uses Vue"
    assert [r.text for r in history(engine, ANA, fact.id)] == ["Ana uses Vue"]


def test_a_message_of_the_same_second_is_another_message(engine: Engine) -> None:
    times = ("2026-11-20T10:00:00.100Z", "2026-11-20T10:00:00.900Z")
    said = messages_of([{"content": "Yes", "time": time} for time in times])
    assert [o.event for o in add(engine, ANA, Addition(messages=said)).outcomes] == [Event.ADD, Event.ADD]


def test_a_shown_moment_finds_its_memory_again(engine: Engine) -> None:
    record = state(engine, "Ana has a cat").outcomes[0].record
    assert listed(engine, as_of=last_instant(shown(record.valid_from), field="as_of")) == ["Ana has a cat"]


def test_a_corrected_message_that_is_sent_again_is_known(engine: Engine) -> None:
    said = messages_of([{"content": "I live in Prto", "time": "2026-11-01"}])
    memory_id = add(engine, ANA, Addition(messages=said)).outcomes[0].record.id
    update(engine, ANA, memory_id, "I live in Porto")
    again = messages_of([{"content": "I live in Porto", "time": "2026-11-01"}])
    assert add(engine, ANA, Addition(messages=again)).outcomes[0].event is Event.NONE


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我最喜欢的饮料是绿茶", "绿茶"),
        ("彼はもっと勉強したい", "勉強"),
        ("மேலும் அவர் தமிழ் பேசுகிறார்", "தமிழ்"),
        ("वह हिन्दी बोलती है", "हिन्दी"),
    ],
)
def test_words_of_every_script_are_looked_up_whole(engine: Engine, tmp_path: Path, text: str, query: str) -> None:
    store = LanceDBStore(tmp_path, embedding=engine.embedder.signature, dimension=engine.embedder.dimension)
    lance = replace(engine, store=store)
    say(lance, "Something else entirely", "And another thing", text)
    where = Filter(visible=Visibility(scopes=frozenset({Scope.USER})))
    lexical = store.lexical(ANA.owner_of(Scope.USER), lexical_query(query), where, limit=3)
    assert len(lexical) == 1
    assert found(lance, query)[0] == text


def test_scores_of_two_tables_are_compared_and_not_their_word_counts(engine: Engine) -> None:
    say(engine, "The kubernetes runbook is in the wiki under operations", scope=Scope.AGENT)
    say(engine, "I dislike kubernetes lunch talk", *(f"Filler number {n} about gardens" for n in range(60)))
    assert found(engine, "Where is the kubernetes runbook?")[0].startswith("The kubernetes runbook")


def test_ids_are_told_apart_where_owners_share_a_prefix(engine: Engine) -> None:
    users = [Caller(user_id=name, written_by=name) for name in ("u15949", "u60476")]
    assert len({user.home.digest[:PREFIX_CHARS] for user in users}) == 1
    ids = [say(engine, f"Canary of {user.user_id}", caller=user).outcomes[0].record.id for user in users]
    for user, memory_id in zip(users, ids, strict=True):
        assert history(engine, None, memory_id)[0].user_id == user.user_id
        assert history(engine, user, memory_id)[0].user_id == user.user_id
    with pytest.raises(MemoryNotFound):
        history(engine, users[0], ids[1])
    assert forget(engine, None, [ids[1]]).forgotten == (ids[1],)
    assert forget(engine, None, [ids[0]]).forgotten == (ids[0],)


def test_a_listing_goes_on_behind_rows_that_vanish_while_they_are_read(engine: Engine, clock: Clock) -> None:
    for number in range(6):
        expiry = {"expires_at": "2026-11-20T09:00:00.5"} if number == 4 else {}
        state(engine, f"Fact {number}", **expiry)
        clock.forward(timedelta(milliseconds=1))
    ticking = replace(engine, now=lambda: (clock.forward(timedelta(milliseconds=300)), clock.now())[1])
    seen: list[str] = []
    cursor = ""
    while True:
        page = list_memories(ticking, ANA, Listing(limit=2, cursor=cursor))
        seen += [row.record.text for row in page.memories]
        cursor = page.next_cursor
        if not cursor:
            break
    assert [text for text in seen if text != "Fact 4"] == [f"Fact {n}" for n in (5, 3, 2, 1, 0)]


def test_forgetting_a_person_leaves_nothing_of_theirs_beside_others_lessons(engine: Engine) -> None:
    ben = Caller(user_id="ben", agent_id="assistant", session_id="s", written_by="ben")
    ana = Caller(user_id="ana", agent_id="assistant", session_id="s", written_by="ana")
    lesson = facts_of([{"text": "Prefer async"}])
    add(engine, ben, Addition(facts=lesson, scope=Scope.AGENT))
    quoted = facts_of([{"text": "Prefer async", "evidence": "ACME prefers async"}])
    words = messages_of("Our company ACME prefers async")
    add(engine, ana, Addition(messages=words, facts=quoted, scope=Scope.AGENT))
    say(engine, "The code word is zebra", caller=ana, scope=Scope.AGENT)
    say(engine, "Yes", caller=ben, scope=Scope.AGENT)
    forget_everything(engine, ana, Scope.USER)
    rows = engine.store.find(ben.owner_of(Scope.AGENT), Filter())
    assert sorted(row.text for row in rows) == ["Prefer async", "Yes"]
    assert "ACME" not in repr(rows)
    assert "zebra" not in repr(rows)


@pytest.mark.promise("erasure")
def test_evidence_in_another_spelling_goes_with_the_words(engine: Engine) -> None:
    one = facts_of([{"text": "Ana's badge is 4711", "evidence": "my badge is 4711"}])
    first = add(engine, ANA, Addition(messages=messages_of("my badge is 4711"), facts=one)).outcomes[1].record
    other = facts_of([{"text": "Ana uses 4711 as a badge", "evidence": "My badge is 4711"}])
    add(engine, ANA, Addition(messages=messages_of("My badge is 4711"), facts=other))
    forget(engine, ANA, [first.id])
    rows = engine.store.find(ANA.owner_of(Scope.USER), Filter())
    assert [(row.text, row.evidence, row.source_ids) for row in rows] == [("Ana uses 4711 as a badge", (), ())]


def test_a_fact_and_its_words_can_be_replaced_together(engine: Engine, tmp_path: Path) -> None:
    store = LanceDBStore(tmp_path, embedding=engine.embedder.signature, dimension=engine.embedder.dimension)
    lance = replace(engine, store=store)
    drafts = facts_of([{"text": "Ana uses React", "evidence": "I use React"}])
    said, fact = (
        o.record for o in add(lance, ANA, Addition(messages=messages_of("I use React"), facts=drafts)).outcomes
    )
    replaced = state(lance, "Ana uses Vue", replaces=[fact.id, said.id]).outcomes[0]
    assert (replaced.event, replaced.record.id) == (Event.UPDATE, fact.id)
    assert found(lance, "React") == ["Ana uses Vue"]


def test_nothing_names_a_forgotten_memory_as_its_successor(engine: Engine) -> None:
    one, two = (state(engine, text).outcomes[0].record for text in ("Uses React", "Uses Tailwind"))
    state(engine, "Uses Bootstrap", replaces=[one.id, two.id])
    forget(engine, ANA, [one.id])
    rows = engine.store.find(ANA.owner_of(Scope.USER), Filter())
    assert [(row.text, row.superseded_by, row.is_current(engine.now())) for row in rows] == [
        ("Uses Tailwind", "", False)
    ]
