"""Who has no token, a wrong one, one that is no longer good, or one that does not grant what is asked for."""

from datetime import timedelta

import httpx2
import pytest

from borders import routes, ways
from borders.checks import changed
from borders.doors import DOORS, Answer, Door, Stateless
from borders.people import ANA, PEOPLE, TEACHER, Person
from borders.served import Files, Served
from borders.ways import Known, Way
from scrubjay.rights import Right
from scrubjay.types import Scope

BAD = ("none", "garbage", "another secret", "another id", "cut short", "with more behind", "expired", "revoked")
SECRET_CHARS = 43
OPEN = (
    "/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/dashboard", "/dashboard/data", "/dashboard/sign-in",
    "/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp",
)  # fmt: skip


def bad_token(house: Served, kind: str) -> str | None:
    good = house.token_by_person[ANA]
    other = house.token_by_person[TEACHER]
    if kind == "expired":
        text = house.token(ANA, lifetime=timedelta(hours=1))
        house.clock.forward(timedelta(hours=1))
        return text
    if kind == "revoked":
        text = house.token(ANA)
        house.tokens.revoke(text.split("_")[1])
        return text
    return {
        "none": None,
        "garbage": "let me in",
        "another secret": good[:-SECRET_CHARS] + other[-SECRET_CHARS:],
        "another id": f"sj_{other.split('_')[1]}_{good[-SECRET_CHARS:]}",
        "cut short": good[:-1],
        "with more behind": f"{good}x",
    }[kind]


def all_files(house: Served) -> Files:
    return house.files([person.caller().owner_of(Scope.USER) for person in PEOPLE])


def everything_tried(house: Served, door: Door) -> dict[str, Answer]:
    """Return what is answered to every kind of request there is."""
    known = Known(person=ANA, planted=house.planted[ANA])
    memory_id = known.ids()[0]
    tried: list[Way | routes.Route] = [
        *ways.introducing(), *ways.reading(), *ways.writing(), *ways.teaching(), *ways.naming(memory_id),
        *ways.erasing(), *routes.reading(), *routes.writing(), *routes.naming(memory_id), *routes.about("ana"),
    ]  # fmt: skip
    answers = {way.name: way.taken(door, known) for way in tried}
    for verb, path in (
        ("GET", "/mcp"), ("DELETE", "/mcp"), ("GET", "/sse"), ("POST", "/messages/?session_id=" + "0" * 32),
        ("GET", "/messages/"), ("GET", "/nothing"), ("GET", "/api/v1"), ("PATCH", "/api/v1/memories"),
        ("OPTIONS", "/mcp"), ("GET", f"{door.url}//mcp"), ("GET", "/healthz/../mcp"), ("GET", "/dashboardx"),
        ("GET", "/metricsx"),
    ):  # fmt: skip
        answers[f"{verb} {path}"] = door.send(verb, path)
    return answers


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("kind", BAD)
def test_without_a_good_token_every_request_is_refused_in_the_same_words(house: Served, kind: str) -> None:
    token = bad_token(house, kind)
    before = all_files(house)
    with Stateless(house.url, token) as door:
        answers = everything_tried(house, door)
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    (body,) = {answer.body for answer in answers.values()}
    for answer in answers.values():  # what differs is where the request went, which who asks knows
        assert 'resource_metadata="http' in answer.headers["www-authenticate"]
        assert ('error="invalid_token"' in answer.headers["www-authenticate"]) == (token is not None)
    assert {answer.headers["cache-control"] for answer in answers.values()} == {"no-store"}
    assert b"kwyjibo" not in body
    assert changed(before, all_files(house)) == []


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("kind", ["handshake", "sse"])
def test_without_a_good_token_no_session_begins(house: Served, kind: str) -> None:
    for bad in BAD:
        with DOORS[kind](house.url, bad_token(house, bad)) as door:
            refused = door.send("POST", "/mcp", content=b"{}") if kind == "handshake" else door.send("GET", "/sse")
            assert refused.status == 401


@pytest.mark.promise("isolation")
@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Basic {token}"}, {"authorization": "{token}"}, {"authorization": "Bearer"},
        {"cookie": "token={token}"}, {"cookie": "scrubjay_page={token}"}, {"x-api-key": "{token}"},
        {"proxy-authorization": "Bearer {token}"}, {"authorization": "Token {token}"}, {"x-forwarded-user": "ana"},
    ],
    ids=str,
)  # fmt: skip
def test_a_good_token_counts_only_as_a_bearer_token(house: Served, headers: dict[str, str]) -> None:
    sent = {name: value.format(token=house.token_by_person[ANA]) for name, value in headers.items()}
    with httpx2.Client(base_url=house.url) as client:
        assert client.get("/api/v1/memories", headers=sent).status_code == 401
        token = {"access_token": house.token_by_person[ANA], "token": house.token_by_person[ANA]}
        assert client.get("/api/v1/memories", params=token).status_code == 401


RESTRICTED = [Right.READ, Right.WRITE, Right.ERASE, Right.AGENT_WRITE, Right.ADMIN]


def lacking(house: Served, person: Person, right: Right) -> str:
    """Return a token that grants everything but one right; `admin` includes the others, and goes with any of them."""
    return house.token(person, rights=frozenset(Right) - {right, Right.ADMIN})


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("kind", DOORS)
@pytest.mark.parametrize("right", RESTRICTED)
def test_a_token_that_lacks_a_right_gets_nothing_that_takes_it(house: Served, kind: str, right: Right) -> None:
    known = Known(person=TEACHER, planted=house.planted[TEACHER])
    tried = [
        *ways.reading(), *ways.writing(), *ways.teaching(), *ways.erasing(),
        *(way for each in known.ids() for way in ways.naming(each)),
    ]  # fmt: skip
    before = all_files(house)
    with DOORS[kind](house.url, lacking(house, TEACHER, right)) as door:
        for way in tried:
            if way.needs is right:
                told = way.taken(door, known)
                assert f"this takes the scope '{right}'" in told.body.decode(), way.name
                assert TEACHER.canary.encode() not in told.everything, way.name
    assert changed(before, all_files(house)) == []


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("right", [Right.READ, Right.WRITE, Right.ERASE])
def test_a_route_refuses_a_token_that_lacks_its_right(house: Served, right: Right) -> None:
    known = Known(person=TEACHER, planted=house.planted[TEACHER])
    tried = [
        *routes.reading(), *routes.writing(), *routes.about(TEACHER.user_id),
        *(route for each in known.ids() for route in routes.naming(each)),
    ]  # fmt: skip
    before = all_files(house)
    token = lacking(house, TEACHER, right)
    with Stateless(house.url, token) as door, routes.Browser(house.url, token) as browser:
        pages = [*routes.looking(), *(route for each in known.ids() for route in routes.touching(each))]
        for each, route in [*((door, route) for route in tried), *((browser, route) for route in pages)]:
            if route.needs is right and route.does not in {"page /sign-in", "page /anything/else"}:
                told = route.taken(each, known)
                assert told.status == 403, route.name
                assert TEACHER.canary.encode() not in told.everything, route.name
    assert changed(before, all_files(house)) == []


@pytest.mark.promise("isolation")
def test_who_may_write_but_not_read_is_told_nothing_that_is_known(house: Served) -> None:
    known = Known(person=TEACHER, planted=house.planted[TEACHER])
    with Stateless(house.url, house.token(TEACHER, rights=frozenset({Right.WRITE, Right.AGENT_WRITE}))) as door:
        for memory_id in known.ids():
            for way in (*ways.naming(memory_id), *routes.naming(memory_id), *ways.writing(), *routes.writing()):
                told = way.taken(door, known)
                assert TEACHER.canary.encode() not in told.everything, (way.name, told.body)


@pytest.mark.promise("isolation")
def test_what_needs_no_token_tells_nothing_of_anybody(house: Served) -> None:
    known = Known(person=ANA, planted=house.planted[ANA])
    with Stateless(house.url, house.token_by_person[ANA]) as door:
        for way in (*ways.reading(), *ways.writing(), *routes.reading()):  # so that there is something to count
            way.taken(door, known)
    names = [word for each in PEOPLE for word in (each.canary, each.tenant, each.caller().home.digest)]
    with httpx2.Client(base_url=house.url) as client:
        for path in OPEN:
            told = client.get(path).text.lower()
            assert [word for word in (*names, str(house.folder).lower()) if word in told] == [], path
