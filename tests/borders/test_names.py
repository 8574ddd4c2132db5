"""Names that would be another person's, or everybody's, if anything read them as more than a name."""

import unicodedata

import pytest

from borders.checks import changed, foreign_canaries, of_others
from borders.doors import Stateless
from borders.people import AGENT, ANA, BEN, SESSION, Person
from borders.served import Served
from scrubjay import ScrubjayError
from scrubjay.rights import USUAL_RIGHTS
from scrubjay.types import Owner, Scope

ANAS = Owner(tenant=ANA.tenant, scope=Scope.USER, name=ANA.user_id).digest
LIKE_ANA = (
    "Ana", "ANA", "ana ", " ana", "\tana", "ana\n", "ana\x00", "\x00ana", "ana\u200b", "ana\u2060", "\ufeffana",
    "\u202eana",
    "\u0430na", "an\u0430", "\uff41\uff4e\uff41", "an\u00aa", "\u00aana", "\u1d43\u207f\u1d43", "an\u00e1", "ana\u0301",
    "a'na", "ana'", "ana' OR '1'='1", "' OR ''='", 'ana"; DROP TABLE memories; --', "ana\\", "%", "_na", "*", "an?",
    "[a]na",
    "ana/..", "../ana", "ana/../ben", "./ana", "/ana", "ana/", "acme/ana", "acme:ana", "acme|ana", "acme\x1fana",
    '["acme", "user", "ana"]', 'ana", "x', 'ana"]', "ana\\u0000", "ana%00", "an%61", "&amp;ana", "${ana}", "{{ana}}",
    ANAS, ANAS[:6], f"{ANAS}.lance", f"../memories/{ANAS}", AGENT, SESSION, "local", "local-person", "None", "null",
    "0", "-",
    ".", "..", "CON", "ana.lance", "a" * 256, "🧠" * 256, "memory:read", "user-1293\n", "ana,ben", "ana;ben",
    "ana\r\nX: y",
)  # fmt: skip
LIKE_ACME = (
    "Acme", "ACME", "acme ", "acme\x00", "\uff41cme", "acme\u0301", "acme/ana", 'acme", "user', "*", "%", "acm_",
    "..", "local",
    "acme\u200b", "globex/../acme", "' OR 1=1 --", ANAS, '["acme"', "acme/user",
)  # fmt: skip


@pytest.mark.promise("isolation")
def test_no_two_of_these_names_are_one_owner() -> None:
    owners = [Owner(tenant="acme", scope=Scope.USER, name=name) for name in (*LIKE_ANA, "ana")]
    owners += [Owner(tenant=tenant, scope=Scope.USER, name="ana") for tenant in LIKE_ACME]
    owners += [Owner(tenant="acme", scope=scope, name="ana") for scope in (Scope.AGENT, Scope.SESSION)]
    owners += [
        Owner(tenant="acme/ana", scope=Scope.USER, name="x"),
        Owner(tenant="acme", scope=Scope.USER, name="ana/x"),
    ]
    assert len({owner.digest for owner in owners}) == len(owners)
    assert {unicodedata.normalize("NFC", name) for name in ("an\u00e1", "ana\u0301")} == {"an\u00e1"}
    assert all(owner.digest.isalnum() and owner.digest.isascii() for owner in owners)


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("group", range(4))
def test_whoever_is_called_almost_like_somebody_sees_and_changes_their_own_alone(house: Served, group: int) -> None:
    people = [Person(tenant="acme", user_id=name, canary=f"qanary{n}x") for n, name in enumerate(LIKE_ANA)]
    people += [Person(tenant=name, user_id="ana", canary=f"tanary{n}x") for n, name in enumerate(LIKE_ACME)]
    some = people[group::4]
    tables = {f"table {each.caller().owner_of(Scope.USER).digest}" for each in people}
    before = {name: seen for name, seen in of_others(house, BEN).items() if name not in tables}
    for person in some:
        with Stateless(house.url, house.token(person)) as door:
            fact = {"text": f"The pears of {person.canary} are blue"}
            assert door.tool("add_memory", facts=[fact], session_id=SESSION).shape["results"][0]["event"] == "ADD"
            answers = [
                door.tool("search_memories", query="pears", limit=100, max_tokens=10_000, session_id=SESSION),
                door.tool("list_memories", max_tokens=10_000, session_id=SESSION, include_superseded=True),
                door.ask("resources/read", {"uri": "memory://profile"}),
                door.send("GET", "/api/v1/memories"),
            ]
            for answer in answers:
                told = answer.body.decode()
                assert person.canary in told
                assert "kwyjibo" not in told
                assert [each.canary for each in people if each != person and each.canary in told] == []
    after = of_others(house, BEN)
    assert changed(before, {name: seen for name, seen in after.items() if name not in tables}) == []
    with Stateless(house.url, house.token_by_person[ANA]) as door:
        told = door.tool("list_memories", max_tokens=100_000, session_id=SESSION)
        assert foreign_canaries(told, ANA) == []
        assert b"anary0x" not in told.body
        assert b"blue" not in told.body


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("name", ["", " ", "\x00", "\u200b", "a" * 257, "\ud800", "\n\t"])
def test_a_name_that_can_own_nothing_gets_no_token(house: Served, name: str) -> None:
    before = len(house.tokens.listed())
    for tenant, user_id in (("acme", name), (name, "ana")):
        with pytest.raises(ScrubjayError):
            house.tokens.create(tenant=tenant, user_id=user_id, scopes=USUAL_RIGHTS)
    assert len(house.tokens.listed()) == before


@pytest.mark.promise("isolation")
@pytest.mark.parametrize(
    "session",
    [
        "conversation-2", "Conversation-1", "conversation-1 ", "conversation-1\x00", "conversation_1", "%",
        "conversation-%",
        "*", "' OR '1'='1", "conversation-1' --", "conversation\u20101", "\uff43onversation-1", "c" * 256, "\\", '"',
        "\n",
    ],
)  # fmt: skip
def test_a_session_is_found_by_its_own_name_only(house: Served, session: str) -> None:
    with Stateless(house.url, house.token_by_person[BEN]) as door:
        own = door.tool("list_memories", scope="session", session_id=SESSION)
        assert BEN.canary.encode() in own.body
        for tool, arguments in (
            ("list_memories", {"scope": "session"}),
            ("search_memories", {"query": "pears for today", "scope": "session", "max_tokens": 10_000}),
            ("forget", {"query": "pears for today", "scope": "session"}),
        ):
            assert BEN.canary.encode() not in door.tool(tool, session_id=session, **arguments).body
        gone = door.tool("forget", everything=True, scope="session", session_id=session, confirm="forget everything")
        assert gone.shape["forgotten"] == []
        assert door.tool("list_memories", scope="session", session_id=SESSION).shape == own.shape


@pytest.mark.promise("isolation")
def test_a_session_that_cannot_be_named_is_refused(house: Served) -> None:
    with Stateless(house.url, house.token_by_person[BEN]) as door:
        told = door.tool("list_memories", scope="session", session_id="c" * 257).body.decode()
    assert "kwyjibo" not in told
    assert '"isError":true' in told
