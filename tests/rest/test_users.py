import itertools
import json
from urllib.parse import quote

import pytest

from people import ADMIN, Person, Tenant
from records import record
from scrubjay.rights import Right
from scrubjay_server.streaming import json_lines

HOSTILE = [
    "a/b",
    "/",
    "x/memories",
    "users/../ana",
    "%2e%2e%2f",
    "o'brien\"; drop table memories; --",
    "*",
    "%",
    "?user_id=ana",
    "a b+c&d=e#f",
    "аna",  # the first letter is Cyrillic
    "ANA",
    "ana ",
    "ana\t",
    "\nan\na\n",
    "日本語",
    "👩‍🚀",
    "a\x00b",
    "x" * 256,
]


def held(person: Person, user: str) -> list[dict[str, str]]:
    answer = person.call("GET", f"/users/{quote(user, safe='')}/memories")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_everything_held_comes_line_by_line(ana: Person) -> None:
    (known,) = ana.remember("Ana is vegetarian")
    ana.ok("PUT", f"/memories/{known}", json={"content": "Ana is vegan"})
    ana.remember("Ana is tired", scope="session", session_id="s")
    lines = held(ana, "ana")
    assert sorted(line["memory"] for line in lines) == ["Ana is tired", "Ana is vegan", "Ana is vegetarian"]
    assert {line["written_by"] for line in lines} == {"ana"}
    assert {line.get("session_id", "") for line in lines} == {"", "s"}


def test_nobody_is_an_empty_answer(admin: Person) -> None:
    answer = admin.call("GET", "/users/nobody/memories")
    assert (answer.status_code, answer.text) == (200, "")


def test_lines_are_read_as_they_are_asked_for() -> None:
    taken = itertools.count()
    records = (record(f"aaaaaaaaaaaaaa{'abcdefghij'[number % 10]}a", f"{number}") for number in taken)
    first = next(json_lines(records))
    assert json.loads(first.splitlines()[0])["memory"] == "0"
    assert len(first.splitlines()) == next(taken)


@pytest.mark.promise("erasure")
def test_erasing_everything_takes_sessions_and_lessons_along(tenant: Tenant) -> None:
    every = frozenset({Right.READ, Right.WRITE, Right.ERASE, Right.AGENT_WRITE})
    ana, bo = tenant.person("ana", every), tenant.person("bo", every)
    gone = [
        *ana.remember("Ana is left-handed"),
        *ana.remember("Ana is tired", scope="session", session_id="s"),
        *ana.remember("Deploy on Mondays", scope="agent"),
    ]
    bo.remember("Bo is right-handed")
    bo.remember("Deploy before noon", scope="agent")
    erased = ana.ok("DELETE", "/users/ana/memories")
    assert sorted(erased["forgotten"]) == sorted(gone)
    assert erased["receipt"]["erased"] == 3
    assert erased["receipt"]["verified"] == {"rows_left": 0, "files_left": 0}
    assert held(ana, "ana") == []
    assert ana.texts() == ["Deploy before noon"]
    assert sorted(line["memory"] for line in held(bo, "bo")) == ["Bo is right-handed", "Deploy before noon"]


@pytest.mark.promise("isolation")
def test_another_users_memories_take_the_scope_admin_on_every_route(tenant: Tenant) -> None:
    ana = tenant.person("ana")
    bo = tenant.person("bo", frozenset({Right.READ, Right.WRITE, Right.ERASE, Right.AGENT_WRITE}))
    (known,) = ana.remember("Ana's locker code is on the fridge")
    whose = {"user_id": "ana"}
    for method, path, body in (
        ("POST", "/memories", {"content": "x"}),
        ("GET", "/memories", None),
        ("POST", "/memories/search", {"query": "locker"}),
        ("GET", f"/memories/{known}", None),
        ("PUT", f"/memories/{known}", {"content": "x"}),
        ("DELETE", f"/memories/{known}", None),
    ):
        assert "'admin'" in bo.refused(403, method, path, params=whose, json=body)
    for method in ("GET", "DELETE"):
        assert "'admin'" in bo.refused(403, method, "/users/ana/memories")
    for method, body in (("GET", None), ("PUT", {"content": "x"}), ("DELETE", None)):
        bo.refused(404, method, f"/memories/{known}", json=body)
    assert bo.texts() == []
    assert ana.texts(user_id="ana") == ["Ana's locker code is on the fridge"]


def test_an_admin_acts_for_people_of_the_tenant(tenant: Tenant, admin: Person) -> None:
    ana = tenant.person("ana")
    whose = {"user_id": "ana"}
    added = admin.ok("POST", "/memories", params=whose, json={"facts": [{"text": "Ana's desk is by the window"}]})
    known = added["results"][0]["id"]
    assert ana.texts() == ["Ana's desk is by the window"] == admin.texts(**whose)
    assert admin.texts() == []
    assert [line["written_by"] for line in held(admin, "ana")] == ["ana"]
    admin.refused(404, "GET", f"/memories/{known}")
    found = admin.ok("POST", "/memories/search", params=whose, json={"query": "desk"})
    assert [hit["id"] for hit in found["results"]] == [known]
    admin.ok("PUT", f"/memories/{known}", params=whose, json={"content": "Ana's desk is by the door"})
    assert admin.ok("GET", f"/memories/{known}", params=whose)["memory"] == "Ana's desk is by the door"
    assert admin.ok("DELETE", f"/memories/{known}", params=whose)["forgotten"] == [known]
    ana.remember("Ana has a plant")
    assert len(admin.ok("DELETE", "/users/ana/memories")["forgotten"]) == 1
    assert ana.texts() == []


@pytest.mark.promise("isolation")
def test_an_admin_sees_nobody_of_another_tenant(tenant: Tenant, other_tenant: Tenant, admin: Person) -> None:
    stranger = other_tenant.person("ana")
    (known,) = stranger.remember("Ana's locker code is on the fridge")
    assert admin.texts(user_id="ana") == []
    admin.refused(404, "GET", f"/memories/{known}", params={"user_id": "ana"})
    assert held(admin, "ana") == []
    assert admin.ok("DELETE", "/users/ana/memories")["forgotten"] == []
    assert stranger.texts() == ["Ana's locker code is on the fridge"]


@pytest.mark.promise("literal-text")
@pytest.mark.parametrize("user", HOSTILE, ids=ascii)
def test_any_text_can_be_somebodys_id_and_is_nobody_elses(tenant: Tenant, admin: Person, user: str) -> None:
    tenant.person("ana").remember("Ana likes tea")
    admin.ok("POST", "/memories", params={"user_id": user}, json={"facts": [{"text": "They like coffee"}]})
    assert admin.texts(user_id=user) == ["They like coffee"]
    own = tenant.person(user)
    assert own.texts() == ["They like coffee"]
    assert [line["memory"] for line in held(own, user)] == ["They like coffee"]
    assert len(own.ok("DELETE", f"/users/{quote(user, safe='')}/memories")["forgotten"]) == 1
    assert admin.texts(user_id="ana") == ["Ana likes tea"]


@pytest.mark.parametrize("user", ["", " ", "\x00", "x" * 257, "x" * 20_000])
def test_what_can_be_nobodys_id_is_refused(admin: Person, user: str) -> None:
    for method in ("GET", "DELETE"):
        assert "user_id" in admin.refused(422, method, f"/users/{quote(user, safe='')}/memories")
        assert "user_id" in admin.refused(422, "GET", "/memories", params={"user_id": user})


def test_an_address_that_is_not_utf8_is_refused(admin: Person) -> None:
    assert admin.refused(400, "DELETE", "/users/%ff/memories") == "the address is not UTF-8"
    assert admin.refused(400, "GET", "/memories?user_id=%ff") == "the address is not UTF-8"


def test_an_admin_reaches_what_a_user_wrote_for_the_agent(tenant: Tenant) -> None:
    cleo = tenant.person("cleo", ADMIN)
    cleo.remember("Deploy on Fridays never", scope="agent")
    assert [line["memory"] for line in held(cleo, "cleo")] == ["Deploy on Fridays never"]
