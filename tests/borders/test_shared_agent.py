"""What the assistant has learned is its tenant's: read by all of it, written by few, and no way from one to another."""

from collections.abc import Iterator

import pytest

from borders import routes, ways
from borders.checks import foreign_canaries
from borders.doors import DOORS, Door, Stateless
from borders.people import ANA, ANA_ELSEWHERE, BEN, CHIEF, CHIEF_ELSEWHERE, PEOPLE, SESSION, TEACHER, Person
from borders.served import Served
from borders.ways import Known
from scrubjay.rights import EVERY_RIGHT, Right
from scrubjay.types import Filter, MemoryRecord, Scope

LESSON = "Lesson: retry the quince build once before reporting"
WORDS = "We retried the quince build and it went through"


@pytest.fixture
def lesson(house: Served) -> Iterator[str]:
    """What a teacher has taught, in a conversation with a name of its own, from a client with a name of its own."""
    client = {"name": f"laptop {TEACHER.canary}", "version": "1"}
    facts = [{"text": LESSON, "evidence": "the quince build"}]
    with Stateless(house.url, house.token_by_person[TEACHER], client=client) as door:
        added = door.tool("add_memory", content=WORDS, facts=facts, scope="agent", session_id=f"talk-{TEACHER.canary}")
        yield added.shape["results"][-1]["id"]
    with Stateless(house.url, house.token_by_person[CHIEF]) as door:
        door.tool("forget", everything=True, scope="agent", confirm="forget everything")


def rows(house: Served, person: Person) -> list[MemoryRecord]:
    return house.engine.store.find(person.caller().owner_of(Scope.AGENT), Filter())


@pytest.mark.promise("isolation")
@pytest.mark.parametrize(
    ("kind", "person"), [("stateless", BEN), ("stateless", CHIEF), ("handshake", ANA), ("sse", ANA)]
)
def test_a_lesson_is_read_by_its_tenant_and_tells_nothing_of_who_taught_it(
    house: Served, kind: str, person: Person, lesson: str
) -> None:
    written = rows(house, TEACHER)
    assert {row.written_by for row in written} == {TEACHER.user_id}
    assert {row.origin for row in written} == {f"laptop {TEACHER.canary}"}, "so there is something that could be told"
    known = Known(person=person, planted=house.planted[person])
    token = house.token_by_person[person]
    with DOORS[kind](house.url, token) as door, routes.Browser(house.url, token) as browser:
        tried = [*ways.reading(), *list(ways.naming(lesson))[:3], *routes.reading(), next(routes.naming(lesson))]
        told = [way.taken(door, known) for way in tried]
        told += [route.taken(browser, known) for route in (*routes.looking(), *routes.touching(lesson))]
        told.append(door.send("GET", f"/api/v1/users/{person.user_id}/memories"))
    assert sum(LESSON.encode() in answer.body for answer in told) > 2
    for answer in told:
        assert foreign_canaries(answer, person) == []
        assert TEACHER.user_id.encode() not in answer.body


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("kind", DOORS)
@pytest.mark.parametrize("person", [ANA_ELSEWHERE, CHIEF_ELSEWHERE], ids=lambda each: each.canary)
def test_no_other_tenant_reads_or_changes_a_lesson(house: Served, kind: str, person: Person, lesson: str) -> None:
    before = rows(house, TEACHER)
    known = Known(person=person, planted=house.planted[person])
    with DOORS[kind](house.url, house.token_by_person[person]) as door:
        everything = {"everything": True, "scope": "agent", "confirm": "forget everything"}
        tried = [*ways.reading(), *ways.naming(lesson), *ways.teaching(), *routes.reading(), *routes.naming(lesson)]
        told = [*(way.taken(door, known) for way in tried), door.tool("forget", **everything)]
    for answer in told:
        assert foreign_canaries(answer, person) == []
        assert b"quince" not in answer.body
    assert rows(house, TEACHER) == before


def attempts(door: Door, lesson: str) -> list[bytes]:
    """Try to write over, correct, and erase a lesson, and return what came back."""
    replacing = [{"text": "Never retry the quince build", "replaces": [lesson]}]
    return [
        door.tool("add_memory", facts=replacing, scope="agent").body,
        door.tool("add_memory", facts=[{"text": "Trust the quince"}], scope="agent").body,
        door.tool("update_memory", memory_id=lesson, content="Never retry").body,
        door.tool("forget", memory_ids=[lesson]).body,
        door.tool("forget", everything=True, scope="agent", confirm="forget everything").body,
        next(route for route in routes.naming(lesson) if route.verb == "PUT").taken(door, _nobody()).body,
        next(route for route in routes.naming(lesson) if route.verb == "DELETE").taken(door, _nobody()).body,
    ]


def _nobody() -> Known:
    return Known(person=BEN, planted=None)  # type: ignore[arg-type]  # these routes ask for nothing of it


@pytest.mark.promise("isolation")
def test_who_may_not_teach_changes_no_lesson_and_who_may_teach_erases_none(house: Served, lesson: str) -> None:
    before = rows(house, TEACHER)
    with Stateless(house.url, house.token_by_person[BEN]) as door:
        told = attempts(door, lesson)
    assert [b"agent:write" in body or b"'admin'" in body for body in told] == [True] * len(told)
    assert rows(house, TEACHER) == before
    with Stateless(house.url, house.token_by_person[TEACHER]) as door:
        told = attempts(door, lesson)
    assert [b"'admin'" in body for body in told] == [False, False, False, True, True, False, True]
    assert {row.key for row in before} < {row.key for row in rows(house, TEACHER)}, "every version is still there"


@pytest.mark.promise("isolation")
def test_nothing_of_a_persons_own_gets_into_the_shared_table_but_what_they_put_there(
    house: Served, lesson: str
) -> None:
    own = house.planted[TEACHER].ids
    with Stateless(house.url, house.token_by_person[TEACHER]) as door:
        for memory_id in own.values():
            taken = [{"text": "Taken along", "replaces": [memory_id]}]
            told = door.tool("add_memory", facts=taken, scope="agent", session_id=SESSION)
            assert b"no memory has the id" in told.body
        told = door.tool("add_memory", content="Yes, pears", scope="agent", session_id=SESSION)
        assert TEACHER.canary.encode() not in told.body
    for row in rows(house, TEACHER):
        told_to_all = repr((row.text, row.lexical, row.entities, row.relations, row.evidence, row.metadata, row.name))
        assert TEACHER.canary not in told_to_all
        assert row.user_id == ""


@pytest.mark.promise("isolation")
def test_who_forgets_everything_about_themselves_takes_no_lesson_of_others(house: Served, lesson: str) -> None:
    guest = Person(tenant="acme", user_id="guest", canary="guest")
    with Stateless(house.url, house.token(guest, rights=EVERY_RIGHT)) as door:
        door.tool("add_memory", facts=[{"text": "Guests like quince jam"}], scope="agent")
        assert any(row.written_by == "guest" for row in rows(house, TEACHER))
    with Stateless(house.url, house.token(guest, rights=frozenset({Right.ERASE}))) as door:
        done = door.tool("forget", everything=True, confirm="forget everything").shape
    assert done["receipt"]["erased"] == 1
    assert lesson in {row.id for row in rows(house, TEACHER)}
    assert not any(row.written_by == "guest" for row in rows(house, TEACHER))


@pytest.mark.promise("isolation")
def test_every_tenant_has_a_table_of_its_own_for_the_same_agent(house: Served, lesson: str) -> None:
    owners = {person.tenant: person.caller().owner_of(Scope.AGENT) for person in PEOPLE}
    assert len({owner.digest for owner in owners.values()}) == len(owners) == 2
    assert house.engine.store.find(owners["globex"], Filter(ids=(lesson,))) == []
