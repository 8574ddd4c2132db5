import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import ANA
from scrubjay.errors import InvalidInput, OwnerRequired
from scrubjay.journeys.engine import is_memory_id
from scrubjay.remembering.rows import memory_id
from scrubjay.types import Caller, Owner, Scope

NAMES = st.text(min_size=1, max_size=40).filter(lambda name: name.isprintable() and name.strip())


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_owners_share_a_digest_only_when_they_are_the_same(a: str, b: str, c: str, d: str) -> None:
    one = Owner(tenant=a, scope=Scope.USER, name=b)
    other = Owner(tenant=c, scope=Scope.USER, name=d)
    assert (one.digest == other.digest) == ((a, b) == (c, d))


@given(NAMES)
def test_a_digest_is_fit_for_a_file_name_whatever_the_id(name: str) -> None:
    digest = Owner(tenant="local", scope=Scope.AGENT, name=name).digest
    assert len(digest) == 32
    assert set(digest) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_an_agent_and_a_user_of_the_same_name_are_two_owners() -> None:
    user, agent = Caller(user_id="x"), Caller(agent_id="x")
    assert user.home.digest != agent.home.digest


def test_the_home_is_the_persons_else_the_agents_else_the_sessions() -> None:
    assert Caller(user_id="u", agent_id="a", session_id="s").home.scope is Scope.USER
    assert Caller(agent_id="a", session_id="s").home.scope is Scope.AGENT
    assert Caller(session_id="s").home.scope is Scope.SESSION
    with pytest.raises(OwnerRequired, match="pass user_id, agent_id or run_id"):
        _ = Caller().home


def test_without_a_session_all_scopes_do_not_include_sessions() -> None:
    scopes = [sorted(visible.scopes) for _, visible in Caller(user_id="u", agent_id="a").readable(None)]
    assert scopes == [["user"], ["agent"]]
    scopes = [sorted(v.scopes) for _, v in Caller(user_id="u", agent_id="a", session_id="s").readable(None)]
    assert scopes == [["session", "user"], ["agent"]]


def test_session_scope_without_a_session_says_what_to_do() -> None:
    with pytest.raises(InvalidInput, match="choose one id for this conversation"):
        Caller(user_id="u").owner_of(Scope.SESSION)


@pytest.mark.parametrize("name", ["x" * 257, "\ud800"])
def test_ids_that_cannot_be_stored_whole_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        Caller(user_id=name)


def test_an_id_begins_with_the_prefix_of_its_owner() -> None:
    made = memory_id(ANA, "abcdefghij")
    assert is_memory_id(made)
    assert made.startswith(ANA.prefix)


@pytest.mark.parametrize("text", ["", "nope", "a" * 15, "A" * 16, "é" * 16, "../../etc/passwd", "a" * 15 + "'"])
def test_other_texts_are_no_ids(text: str) -> None:
    assert not is_memory_id(text)
