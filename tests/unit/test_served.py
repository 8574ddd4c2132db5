"""Whose words a server reads for facts: those of whoever may come in, and of nobody else on the machine."""

from pathlib import Path

import pytest

from scrubjay.rights import USUAL_RIGHTS, Right
from scrubjay.types import Owner, Scope
from scrubjay_server.http.access import Identities
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "tokens.json")


@pytest.fixture
def identities(tmp_path: Path, tokens: Tokens) -> Identities:
    return Identities(Settings(data_dir=tmp_path, user_id="ana"), tokens)


def person(name: str, *, tenant: str = "acme") -> Owner:
    return Owner(tenant=tenant, scope=Scope.USER, name=name)


@pytest.mark.promise("isolation")
def test_without_tokens_the_words_of_the_local_person_alone_are_read(identities: Identities) -> None:
    is_served = identities.served()
    assert is_served(person("ana", tenant="local"))
    assert not is_served(person("ben", tenant="local"))


@pytest.mark.promise("isolation")
def test_with_tokens_the_words_of_their_holders_are_read_as_long_as_they_are_good(
    identities: Identities, tokens: Tokens
) -> None:
    _, token = tokens.create(tenant="acme", user_id="ben", scopes=USUAL_RIGHTS)
    is_served = identities.served()
    assert is_served(person("ben"))
    for other in (person("cleo"), person("ben", tenant="elsewhere"), person("ana", tenant="local")):
        assert not is_served(other)
    tokens.revoke(token.id)
    assert not identities.served()(person("ben"))


def test_where_an_admin_acts_for_others_their_words_are_read_too(identities: Identities, tokens: Tokens) -> None:
    tokens.create(tenant="acme", user_id="boss", scopes=frozenset({Right.ADMIN}))
    is_served = identities.served()
    assert is_served(person("cleo"))
    assert not is_served(person("cleo", tenant="elsewhere"))
