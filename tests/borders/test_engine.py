"""The engine and the library: whoever calls them, and whoever works in the background."""

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from borders.people import ANA, ANA_ELSEWHERE, BEN, CHIEF, PEOPLE, SESSION, TEACHER, TWINS, Person, plant
from borders.served import Served
from loopback import Messages, Model, item, running
from scrubjay import Memory, MemoryNotFound, OwnerRequired
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.errors import InvalidInput, NotAllowed, StoreError
from scrubjay.extraction.claude import ClaudeExtractor
from scrubjay.journeys.adding import Addition, add
from scrubjay.journeys.archiving import backup, restore
from scrubjay.journeys.confirming import confirm
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.exporting import everything_held
from scrubjay.journeys.extracting import extract_everything
from scrubjay.journeys.forgetting import forget, forget_everything
from scrubjay.journeys.graphing import graph
from scrubjay.journeys.listing import Listing, history, list_memories
from scrubjay.journeys.measuring import measure
from scrubjay.journeys.restoring import restore_version
from scrubjay.journeys.searching import Question, search
from scrubjay.journeys.sourcing import sources_of, successors_of
from scrubjay.journeys.surveying import survey
from scrubjay.journeys.updating import update
from scrubjay.rights import Right
from scrubjay.types import PENDING, Caller, Filter, Message, Owner, Scope, State
from scrubjay_server.http.metrics import PendingMessages

pytestmark = pytest.mark.promise("isolation")


def canaries_in(told: object) -> set[str]:
    text = repr(told)
    return {person.canary for person in PEOPLE if person.canary in text}


def test_every_journey_that_reads_stays_with_its_caller(house: Served) -> None:
    everything = [row for each in PEOPLE for row in house.engine.store.find(each.caller().home, Filter())]
    for person in PEOPLE:
        caller = person.caller(session_id=SESSION)
        told = (
            search(house.engine, caller, Question(query="pears orchard", limit=1000, any_time=True)),
            list_memories(house.engine, caller, Listing(limit=1000, include_superseded=True)),
            graph(house.engine, caller),
            survey(house.engine, caller),
            list(everything_held(house.engine, caller)),
            sources_of(house.engine, caller, everything),
            list(successors_of(house.engine, caller, everything).values()),
        )
        assert canaries_in(told) == {person.canary}
        own = {caller.owner_of(Scope.USER), caller.owner_of(Scope.AGENT)}
        assert measure(house.engine, caller).keys() == own


@pytest.mark.parametrize(("person", "other"), [(BEN, ANA), (ANA_ELSEWHERE, ANA), (CHIEF, ANA), *TWINS])
def test_no_journey_that_takes_an_id_takes_a_foreign_one(house: Served, person: Person, other: Person) -> None:
    engine, caller = house.engine, person.caller(session_id=SESSION)
    before = engine.store.find(other.caller().home, Filter())
    for foreign in house.planted[other].ids.values():
        owner = engine.owner_of_id(foreign, caller)
        assert owner in {None, caller.home}, "a table of one's own, in which it then is not"
        for journey in (
            lambda memory_id: history(engine, caller, memory_id),
            lambda memory_id: update(engine, caller, memory_id, "Taken over"),
            lambda memory_id: confirm(engine, caller, memory_id),
            lambda memory_id: restore_version(engine, caller, memory_id, 1),
        ):
            with pytest.raises(MemoryNotFound) as refused:
                journey(foreign)
            assert str(refused.value) == str(MemoryNotFound(foreign))
        assert forget(engine, caller, [foreign]).forgotten == ()
    assert engine.store.find(other.caller().home, Filter()) == before


def test_a_caller_without_a_person_is_none_of_them(house: Served) -> None:
    for caller in (
        Caller(tenant="acme", session_id=SESSION),
        Caller(tenant="acme", agent_id="assistant", session_id=SESSION),
        Caller(tenant="nowhere", user_id="ana", agent_id="assistant", session_id=SESSION),
        Caller(user_id="ana", session_id=SESSION),
        Caller(tenant="acme", user_id="assistant", session_id=SESSION),
        Caller(tenant="acme", user_id="user", agent_id="ana"),
    ):
        told = (
            search(house.engine, caller, Question(query="pears", limit=1000, any_time=True)),
            list_memories(house.engine, caller, Listing(limit=1000, include_superseded=True)),
            graph(house.engine, caller),
        )
        assert canaries_in(told) == set()
    nobody = Caller(tenant="acme")
    for journey in (
        lambda: search(house.engine, nobody, Question(query="pears")),
        lambda: list_memories(house.engine, nobody, Listing()),
        lambda: graph(house.engine, nobody),
        lambda: list(everything_held(house.engine, nobody)),
        lambda: forget(house.engine, nobody, list(house.planted[ANA].ids.values())),
    ):
        with pytest.raises(OwnerRequired):
            journey()
    with pytest.raises(InvalidInput):
        forget_everything(house.engine, nobody, Scope.USER)


def test_a_caller_without_rights_can_do_nothing(house: Served) -> None:
    before = house.engine.store.find(ANA.caller().home, Filter())
    caller = ANA.caller(session_id=SESSION, rights=frozenset())
    memory_id = house.planted[ANA].ids["fact"]
    message = Addition(messages=[Message(content="Taken over")])
    for journey in (
        lambda: search(house.engine, caller, Question(query="pears")),
        lambda: list_memories(house.engine, caller, Listing()),
        lambda: history(house.engine, caller, memory_id),
        lambda: graph(house.engine, caller),
        lambda: list(everything_held(house.engine, caller)),
        lambda: survey(house.engine, caller),
        lambda: measure(house.engine, caller),
        lambda: sources_of(house.engine, caller, before),
        lambda: successors_of(house.engine, caller, before),
        lambda: add(house.engine, caller, message),
        lambda: add(house.engine, caller, replace(message, scope=Scope.AGENT)),
        lambda: update(house.engine, caller, memory_id, "Taken over"),
        lambda: confirm(house.engine, caller, memory_id),
        lambda: restore_version(house.engine, caller, memory_id, 1),
        lambda: forget(house.engine, caller, [memory_id]),
        lambda: forget_everything(house.engine, caller, Scope.USER),
    ):
        with pytest.raises(NotAllowed) as refused:
            journey()
        assert canaries_in(str(refused.value)) == set()
    assert house.engine.store.find(ANA.caller().home, Filter()) == before


def test_the_library_finds_ids_in_its_own_tenant_only(house: Served, embedder: FastembedEmbedder) -> None:
    foreign = house.planted[ANA].ids["suspect"]
    before = house.engine.store.find(ANA.caller().home, Filter())
    with Memory(house.folder, embedder=embedder, tenant="globex", extractor="none", maintenance=False) as memory:
        assert memory.engine.owner_of_id(foreign, None) is None
        for call in (memory.get, memory.history, memory.confirm):
            with pytest.raises(MemoryNotFound):
                call(foreign)
        with pytest.raises(MemoryNotFound):
            memory.update(foreign, "Taken over")
        assert memory.delete(foreign)["forgotten"] == []
        assert canaries_in(memory.search("pears", user_id="ana")) == {ANA_ELSEWHERE.canary}
        assert canaries_in(memory.get_all(run_id=SESSION)) == set()
        memory.extract()
    assert house.engine.store.find(ANA.caller().home, Filter()) == before


def test_a_person_and_an_agent_whose_ids_begin_alike_are_told_apart(engine: Engine) -> None:
    caller = Caller(tenant="acme", user_id="user-50563", agent_id="assistant-4150", written_by="user-50563")
    other = replace(caller, user_id="ben", written_by="ben")
    assert caller.owner_of(Scope.USER).prefix == caller.owner_of(Scope.AGENT).prefix
    mine, lesson = (
        add(engine, caller, Addition(messages=[Message(content=text)], scope=scope)).outcomes[0].record.id
        for text, scope in (("My own", Scope.USER), ("A lesson", Scope.AGENT))
    )
    assert [row.text for row in history(engine, caller, mine)] == ["My own"]
    assert [row.text for row in history(engine, other, lesson)] == ["A lesson"]
    with pytest.raises(MemoryNotFound):
        history(engine, other, mine)


@pytest.fixture
def model() -> Iterator[Model]:
    with running(Messages()) as opened:
        yield opened


@pytest.fixture
def read(tmp_path: Path, embedder: FastembedEmbedder, model: Model) -> Iterator[Memory]:
    extractor = ClaudeExtractor(api_key="key", base_url=model.url)
    with Memory(tmp_path, embedder=embedder, extractor=extractor, add_wait_s=60, maintenance=False) as memory:
        yield memory


def test_what_one_person_says_is_sent_with_nothing_of_anybody_else(read: Memory, model: Model) -> None:
    people = (ANA, BEN, ANA_ELSEWHERE, *TWINS[0])
    for person in people:
        plant(replace(read.engine, reading=None), person)

    def say(person: Person) -> None:
        words = Addition(messages=[Message(content=f"The orchard {person.canary} grew, pears and all")])
        added = add(read.engine, person.caller(session_id=SESSION), words)
        assert canaries_in(added) == {person.canary}

    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(say, people * 3))
    assert len(model.requests) >= len(people)
    sent = [canaries_in(json.dumps(asked.body)) for asked in model.requests]
    assert {len(each) for each in sent} == {1}
    assert set.union(*sent) == {person.canary for person in people}
    assert any(asked.known for asked in model.requests), "what is known of them goes along"
    for person in people:
        rows = read.engine.store.find(person.caller().home, Filter())
        assert {(row.tenant, row.user_id, row.written_by) for row in rows} == {
            (person.tenant, person.user_id, person.user_id)
        }
        assert canaries_in(rows) == {person.canary}


def test_what_is_said_in_a_session_or_to_the_agent_stays_there_when_it_is_read(read: Memory, model: Model) -> None:
    for person in (TEACHER, CHIEF):
        caller = person.caller(session_id=SESSION)
        for scope in (Scope.USER, Scope.SESSION, Scope.AGENT):
            said = Addition(messages=[Message(content=f"{scope} pears of {person.canary} are sour")], scope=scope)
            add(read.engine, caller, said)
    for asked in model.requests:
        body = json.dumps(asked.body)
        about = {scope for scope in Scope if f"{scope} pears of" in body}
        assert len(about) == 1, "what is said in one scope is read with nothing of another"
        assert len(canaries_in(json.dumps(asked.messages))) == 1, "and with no conversation but its own"
    for person in (TEACHER, CHIEF):
        rows = read.engine.store.find(person.caller().home, Filter())
        assert canaries_in(rows) == {person.canary}
        for row in rows:
            assert row.text.removeprefix("Noted: ").startswith(str(row.scope)), "a fact is in the scope of its words"


def test_who_may_not_read_is_not_told_what_a_model_made_of_what_is_known(read: Memory, model: Model) -> None:
    plant(replace(read.engine, reading=None), ANA)
    caller = ANA.caller(rights=frozenset({Right.WRITE}))
    model.reads = lambda asked: [
        item(said["n"], said["content"], f"Told along: {asked.known[0]['text']}") for said in asked.messages
    ]
    added = add(read.engine, caller, Addition(messages=[Message(content="The orchard grew, pears and all")]))
    assert any(asked.known for asked in model.requests)
    assert added.read == 1
    assert [bool(outcome.record.id) for outcome in added.outcomes] == [True]
    assert [(outcome.record.text, outcome.previous) for outcome in added.outcomes] == [("", "")]
    assert added.related == ()


def test_in_the_background_is_read_what_belongs_to_those_who_are_served(read: Memory, model: Model) -> None:
    silent = replace(read.engine, reading=None)
    for person in (ANA, BEN, ANA_ELSEWHERE):
        row = add(
            silent, person.caller(), Addition(messages=[Message(content=f"Pears of {person.canary} are ripe")])
        ).outcomes[0]
        pending = replace(row.record, state=State.PENDING)
        owner = person.caller().home
        vectors = read.embedder.embed_documents([])
        silent.store.write(owner, inserted=[], vectors=vectors, replaced=[pending])
    extract_everything(read.engine, whose=set(ANA.caller().owners()).__contains__)
    assert {word for asked in model.requests for word in canaries_in(json.dumps(asked.body))} == {ANA.canary}
    waiting = {person: read.engine.store.count(person.caller().home, PENDING) for person in (ANA, BEN, ANA_ELSEWHERE)}
    assert waiting == {ANA: 0, BEN: 1, ANA_ELSEWHERE: 1}


def test_a_backup_is_private_and_gives_everybody_back_their_own(
    house: Served, tmp_path: Path, embedder: FastembedEmbedder
) -> None:
    file = tmp_path / "backup"
    backup(house.engine, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with Memory(tmp_path / "new", embedder=embedder, extractor="none", maintenance=False) as memory:
        engine = replace(memory.engine, now=house.clock.now)
        restore(engine, file)
        owners: set[Owner] = set(engine.store.owners())
        assert owners == set(house.engine.store.owners())
        for owner in owners:
            assert engine.store.find(owner, Filter()) == house.engine.store.find(owner, Filter())
        for person in PEOPLE:
            told = search(engine, person.caller(session_id=SESSION), Question(query="pears", limit=1000))
            assert canaries_in(told) <= {person.canary}


def test_a_damaged_table_of_somebody_else_is_told_of_without_its_name(
    tmp_path: Path, embedder: FastembedEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    with Memory(tmp_path, embedder=embedder, extractor="none", maintenance=False) as memory:
        planted = {person: plant(memory.engine, person) for person in (ANA, BEN, ANA_ELSEWHERE)}
    damaged = ANA_ELSEWHERE.caller().home.digest
    for manifest in (tmp_path / "memories" / f"{damaged}.lance" / "_versions").glob("*.manifest"):
        manifest.write_bytes(b"x" * manifest.stat().st_size)
    with Memory(tmp_path, embedder=embedder, extractor="none", maintenance=False) as memory:
        engine = memory.engine
        assert canaries_in(search(engine, BEN.caller(), Question(query="pears"))) == {BEN.canary}
        assert forget(engine, BEN.caller(), [planted[BEN].ids["episode"]]).forgotten
        for journey in (
            lambda: list(everything_held(engine, BEN.caller())),
            lambda: forget_everything(engine, BEN.caller(), Scope.USER),
        ):
            with pytest.raises(StoreError) as told:
                journey()
            assert damaged[:6] not in str(told.value)
            assert "doctor" in str(told.value)
        assert list_memories(engine, BEN.caller(), Listing()).total == 0, "what is their own is gone"
        assert damaged in caplog.text
        (tmp_path / "pending" / damaged).touch()
        (figure,) = PendingMessages(lambda: engine).collect()
        assert [sample.value for sample in figure.samples] == [0], "and nobody's metrics fail for it, or name it"
