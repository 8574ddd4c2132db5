"""Every route of the REST API and the page, for everybody who is somebody else."""

import re

import pytest

from borders import routes
from borders.checks import changed, foreign_canaries, leaks, of_others
from borders.doors import Answer, Door, Stateless
from borders.people import ANA, ANA_ELSEWHERE, BEN, CHIEF, CHIEF_ELSEWHERE, TEACHER, TWINS, Person
from borders.served import Served
from borders.ways import Known
from scrubjay.rights import Right

UNKNOWN = "aaaaaaaaaaaaaaaa"
STRANGERS = {"another user": BEN, "the same name in another tenant": ANA_ELSEWHERE, "who may teach": TEACHER}


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_no_route_shows_or_changes_anything_of_somebody_elses(house: Served, stranger: Person) -> None:
    ids = house.planted[ANA].ids.values()
    own = stranger.user_id == ANA.user_id
    tried = [
        *routes.reading(),
        *(route for each in ids for route in routes.naming(each)),
        *(route for each in ids for route in routes.naming(each, user_id=ANA.user_id)),
        *(route for route in routes.about(ANA.user_id) if not (own and route.verb == "DELETE")),
        *routes.writing(),
        *routes.reading(),
    ]
    with Stateless(house.url, house.token_by_person[stranger]) as door:
        assert leaks(house, door, stranger, ANA, tried) == []


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("stranger", [*STRANGERS.values(), CHIEF, CHIEF_ELSEWHERE], ids=lambda each: each.canary)
def test_no_page_shows_or_changes_anything_of_somebody_elses(house: Served, stranger: Person) -> None:
    ids = house.planted[ANA].ids.values()
    tried = [*routes.looking(), *(route for each in ids for route in routes.touching(each))]
    with routes.Browser(house.url, house.token_by_person[stranger]) as door:
        assert door.form_key
        assert leaks(house, door, stranger, ANA, tried) == []


@pytest.mark.promise("isolation")
def test_the_owner_gets_from_routes_and_pages_what_is_theirs(house: Served) -> None:
    """Else the tests above would hold for a server that answers nothing at all."""
    known = Known(person=ANA, planted=house.planted[ANA])
    nothing = {
        "GET memories?scope=agent", "GET memories?state=pending", "GET page /sign-in", "GET page /anything/else",
        "GET page /growth", "GET page /data", "GET page /waiting?cursor=", "GET page /past?cursor=",
        "GET page /memories?words=1",
    }  # fmt: skip
    token = house.token_by_person[ANA]
    with Stateless(house.url, token) as client, routes.Browser(house.url, token) as browser:
        shown = {
            route.name: ANA.canary.encode() in route.taken(door, known).body
            for door, tried in ((client, routes.reading()), (browser, routes.looking()))
            for route in tried
            if (route.body or {}).get("scope") != "agent"
        }
        for memory_id in known.ids():
            page = next(routes.touching(memory_id)).taken(browser, known)
            assert ANA.canary.encode() in page.body or memory_id == known.planted.ids["session"]
    assert {name for name, is_there in shown.items() if not is_there} <= nothing


@pytest.mark.promise("isolation")
def test_an_admin_acts_for_people_of_their_own_tenant_and_for_no_others(house: Served) -> None:
    known = Known(person=ANA, planted=house.planted[ANA])
    with Stateless(house.url, house.token_by_person[CHIEF_ELSEWHERE]) as door:
        for route in routes.about(ANA.user_id):
            if route.verb == "GET":
                told = route.taken(door, known).body
                assert ANA_ELSEWHERE.canary.encode() in told
                assert ANA.canary.encode() not in told
        before = of_others(house, CHIEF_ELSEWHERE)
        for memory_id in known.ids():
            for route in routes.naming(memory_id, user_id=ANA.user_id):
                refused = route.taken(door, known)
                assert refused.status == 404, route.name
                assert ANA.canary.encode() not in refused.everything
        assert changed(before, of_others(house, CHIEF_ELSEWHERE)) == []
    with Stateless(house.url, house.token_by_person[CHIEF]) as door:
        told = next(routes.about(ANA.user_id)).taken(door, known)
        assert ANA.canary.encode() in told.body
        assert set(foreign_canaries(told, ANA)) == set()


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("person", [BEN, TEACHER])
@pytest.mark.parametrize(
    "user_id", ["ana", "nobody", "ben ", "Ben", "ｂｅｎ", "ben/", "../ben", "ben%00", "", "*", "%", "'", "x" * 300]
)
def test_who_is_no_admin_acts_for_nobody_whether_there_is_such_a_person_or_not(
    house: Served, person: Person, user_id: str
) -> None:
    before = of_others(house, person)
    known = Known(person=ANA, planted=house.planted[ANA])
    with Stateless(house.url, house.token_by_person[person]) as door:
        answers = [route.taken(door, known) for route in routes.about(user_id)]
    assert {answer.status for answer in answers} <= ({403} if user_id else {403, 404, 422})
    assert [foreign_canaries(answer, person) for answer in answers] == [[]] * len(answers)
    assert len({answer.body for answer in answers if answer.status == 403}) <= 1, "and it reads the same"
    assert changed(before, of_others(house, person)) == []


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("door", [Stateless, routes.Browser])
@pytest.mark.parametrize(("person", "other"), [(BEN, ANA), (ANA_ELSEWHERE, ANA), *TWINS])
def test_a_foreign_id_is_answered_byte_for_byte_like_an_unknown_one(
    house: Served, door: type[Door], person: Person, other: Person
) -> None:
    known = Known(person=person, planted=house.planted[person])
    naming = routes.touching if door is routes.Browser else routes.naming
    with door(house.url, house.token_by_person[person]) as opened:

        def told(memory_id: str) -> list[tuple[int, bytes, dict[str, str]]]:
            return [_without(memory_id, route.taken(opened, known)) for route in naming(memory_id)]

        unknown = told(UNKNOWN)
        for foreign in house.planted[other].ids.values():
            assert told(foreign) == unknown


def _without(memory_id: str, answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    body = re.sub(rb'"at":"[^"]*"', b'"at":""', answer.body)
    return answer.status, body.replace(memory_id.encode(), b"ID"), headers


@pytest.mark.promise("isolation")
def test_a_form_carries_the_key_of_the_session_it_was_shown_in(house: Served) -> None:
    memory_id = house.planted[ANA].ids["fact"]
    known = Known(person=ANA, planted=house.planted[ANA])
    before = of_others(house, BEN)
    with (
        routes.Browser(house.url, house.token_by_person[ANA]) as ana,
        routes.Browser(house.url, house.token_by_person[BEN]) as ben,
        routes.Browser(house.url, None) as nobody,
    ):
        ana.form_key, nobody.form_key, ana_key = ben.form_key, ana.form_key, ana.form_key
        forms = [route for route in routes.touching(memory_id) if route.form is not None]
        assert {route.taken(ana, known).status for route in forms} == {403}
        refused = [route.taken(nobody, known) for route in (*forms, *routes.looking())]
        assert all(ANA.canary.encode() not in answer.everything for answer in refused)
        assert {answer.status for answer in refused} <= {200, 401, 404}
        ben.form_key = ana_key
        assert {route.taken(ben, known).status for route in forms} == {403}
    assert changed(before, of_others(house, BEN)) == []


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("door", [Stateless, routes.Browser])
def test_what_holds_somebodys_words_is_kept_in_no_cache(house: Served, door: type[Door]) -> None:
    known = Known(person=ANA, planted=house.planted[ANA])
    tried = routes.looking() if door is routes.Browser else (*routes.reading(), *routes.naming(known.ids()[0]))
    with door(house.url, house.token_by_person[ANA]) as opened:
        for route in tried:
            if route.needs is Right.READ:
                headers = route.taken(opened, known).headers
                assert headers["cache-control"] == "no-store", route.name
                assert "etag" not in headers
