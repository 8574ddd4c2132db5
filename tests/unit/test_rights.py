"""What a token does not allow, no verb does; and then nothing has changed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay.errors import MemoryNotFound, NotAllowed
from scrubjay.inputs import facts_of
from scrubjay.journeys.adding import Addition, add
from scrubjay.journeys.confirming import confirm
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.forgetting import candidates, forget, forget_everything
from scrubjay.journeys.graphing import graph
from scrubjay.journeys.listing import Listing, current_facts, current_version, history, list_memories
from scrubjay.journeys.measuring import measure
from scrubjay.journeys.searching import Question, search
from scrubjay.journeys.updating import update
from scrubjay.rights import Right, grants
from scrubjay.types import Caller, Filter, Owner, Scope

ANA = Caller(user_id="ana", agent_id="assistant", written_by="ana")
LIMITED = [Right.READ, Right.WRITE, Right.ERASE, Right.AGENT_WRITE]

Call = Callable[[Engine, Caller, str], object]

READS: dict[str, Call] = {
    "search": lambda engine, caller, _: search(engine, caller, Question(query="tea")),
    "list": lambda engine, caller, _: list_memories(engine, caller, Listing()),
    "facts": lambda engine, caller, _: current_facts(engine, caller),
    "history": history,
    "get": current_version,
    "graph": lambda engine, caller, _: graph(engine, caller),
    "stats": lambda engine, caller, _: measure(engine, caller),
    "candidates": lambda engine, caller, _: candidates(engine, caller, "tea", Scope.USER),
}
WRITES: dict[str, Call] = {
    "add": lambda engine, caller, _: add(engine, caller, tea()),
    "add to a session": lambda engine, caller, _: add(engine, replace(caller, session_id="s"), tea(Scope.SESSION)),
    "update": lambda engine, caller, memory_id: update(engine, caller, memory_id, "Ana loves tea"),
    "confirm": confirm,
}
ERASURES: dict[str, Call] = {
    "forget": lambda engine, caller, memory_id: forget(engine, caller, [memory_id]),
    "forget nothing": lambda engine, caller, _: forget(engine, caller, ["a" * 16]),
    "forget everything": lambda engine, caller, _: forget_everything(engine, caller, Scope.USER),
}
IN_THE_AGENTS_TABLE: dict[str, tuple[Right, Call]] = {
    "add": (Right.AGENT_WRITE, lambda engine, caller, _: add(engine, caller, tea(Scope.AGENT))),
    "update": (Right.AGENT_WRITE, WRITES["update"]),
    "confirm": (Right.AGENT_WRITE, confirm),
    "forget": (Right.ADMIN, ERASURES["forget"]),
    "forget everything": (Right.ADMIN, lambda engine, caller, _: forget_everything(engine, caller, Scope.AGENT)),
}


def tea(scope: Scope = Scope.USER) -> Addition:
    return Addition(facts=facts_of([{"text": "Ana likes tea"}]), scope=scope)


def told(engine: Engine, scope: Scope = Scope.USER) -> str:
    (outcome,) = add(engine, ANA, Addition(facts=facts_of([{"text": "Ana drinks oolong"}]), scope=scope)).outcomes
    return outcome.record.id


def everything(engine: Engine) -> list[object]:
    owners = [ANA.owner_of(Scope.USER), ANA.owner_of(Scope.AGENT)]
    return [row for owner in owners for row in engine.store.find(owner, Filter())]


CASES = [
    *((Right.READ, Scope.USER, name, call) for name, call in READS.items()),
    *((Right.WRITE, Scope.USER, name, call) for name, call in WRITES.items()),
    *((Right.ERASE, Scope.USER, name, call) for name, call in ERASURES.items()),
    *((needed, Scope.AGENT, name, call) for name, (needed, call) in IN_THE_AGENTS_TABLE.items()),
]


@pytest.mark.promise("isolation")
@pytest.mark.parametrize(("needed", "scope", "call"), [(n, s, c) for n, s, _, c in CASES], ids=[c[2] for c in CASES])
def test_only_who_may_does_it_and_else_nothing_has_changed(
    engine: Engine, needed: Right, scope: Scope, call: Call
) -> None:
    memory_id = told(engine, scope)
    before = everything(engine)
    without = replace(ANA, rights=frozenset(LIMITED) - {needed})
    with pytest.raises(NotAllowed, match=needed):
        call(engine, without, memory_id)
    assert everything(engine) == before
    call(engine, replace(ANA, rights=frozenset({needed})), memory_id)


@pytest.mark.parametrize(("scope", "call"), [(s, c) for _, s, _, c in CASES], ids=[c[2] for c in CASES])
def test_an_admin_may_do_everything(engine: Engine, scope: Scope, call: Call) -> None:
    call(engine, replace(ANA, rights=frozenset({Right.ADMIN})), told(engine, scope))


def test_of_several_ids_nothing_is_forgotten_when_one_is_not_allowed(engine: Engine) -> None:
    own, shared = told(engine), told(engine, Scope.AGENT)
    with pytest.raises(NotAllowed, match=Right.ADMIN):
        forget(engine, replace(ANA, rights=frozenset({Right.ERASE})), [own, shared])
    assert len(everything(engine)) == 2


def test_forgetting_oneself_takes_ones_own_lessons_along_without_being_admin(engine: Engine) -> None:
    told(engine), told(engine, Scope.AGENT)
    forget_everything(engine, replace(ANA, rights=frozenset({Right.ERASE})), Scope.USER)
    assert everything(engine) == []


def test_who_may_not_read_is_shown_nothing_related(engine: Engine) -> None:
    told(engine)
    drinks = Addition(facts=facts_of([{"text": "Ana drinks oolong tea"}]))
    assert add(engine, replace(ANA, rights=frozenset({Right.WRITE})), drinks).related == ()


@pytest.mark.promise("isolation")
def test_tenants_share_neither_people_nor_agents(engine: Engine) -> None:
    other = replace(ANA, tenant="other")
    for scope in (Scope.USER, Scope.AGENT):
        memory_id = told(engine, scope)
        assert list_memories(engine, other, Listing()).total == 0
        assert forget(engine, other, [memory_id]).forgotten == ()
        with pytest.raises(MemoryNotFound):
            history(engine, other, memory_id)
    assert len(everything(engine)) == 2
    told_there = add(engine, other, tea()).outcomes[0].record
    assert engine.owner_of_id(told_there.id, other) == Owner(tenant="other", scope=Scope.USER, name="ana")
    assert history(engine, other, told_there.id)[0].tenant == "other"


@given(st.frozensets(st.sampled_from(Right)), st.sampled_from(Right))
def test_a_right_is_granted_by_itself_or_by_admin_and_by_nothing_else(rights: frozenset[Right], needed: Right) -> None:
    assert grants(rights, needed) == bool(rights & {needed, Right.ADMIN})
