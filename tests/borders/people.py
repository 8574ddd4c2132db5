"""Who is there, and what each of them has told: every text of a person holds the canary that is theirs alone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scrubjay.journeys.adding import Addition, add
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.listing import Listing, list_memories
from scrubjay.rights import EVERY_RIGHT, Right
from scrubjay.types import Caller, Category, FactDraft, Message, Relation, Scope

AGENT = "assistant"
BEGUN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a token. `canary` stands in everything that they have told, and in nothing else."""

    tenant: str
    user_id: str
    canary: str
    rights: frozenset[Right] = frozenset({Right.READ, Right.WRITE, Right.ERASE})

    def caller(self, *, session_id: str = "", rights: frozenset[Right] = EVERY_RIGHT) -> Caller:
        return Caller(
            tenant=self.tenant,
            user_id=self.user_id,
            agent_id=AGENT,
            session_id=session_id,
            written_by=self.user_id,
            origin=f"client {self.canary}",
            rights=rights,
        )


ANA = Person(tenant="acme", user_id="ana", canary="kwyjibo1")
BEN = Person(tenant="acme", user_id="ben", canary="kwyjibo2")
ANA_ELSEWHERE = Person(tenant="globex", user_id="ana", canary="kwyjibo3")
CHIEF = Person(tenant="acme", user_id="chief", canary="kwyjibo4", rights=frozenset({Right.ADMIN}))
CHIEF_ELSEWHERE = Person(tenant="globex", user_id="chief", canary="kwyjibo5", rights=frozenset({Right.ADMIN}))
TEACHER = Person(tenant="acme", user_id="teacher", canary="kwyjibo6", rights=frozenset(Right) - {Right.ADMIN})
# These share the first six characters of their digests, with which the ids of their memories begin.
FIRST_TWIN = Person(tenant="acme", user_id="user-1293", canary="kwyjibo7")
SECOND_TWIN = Person(tenant="acme", user_id="user-22809", canary="kwyjibo8")
TWIN_HERE = Person(tenant="acme", user_id="user-40060", canary="kwyjibo9")
TWIN_ELSEWHERE = Person(tenant="globex", user_id="user-3495", canary="kwyjiboa")
TWINS = ((FIRST_TWIN, SECOND_TWIN), (SECOND_TWIN, FIRST_TWIN), (TWIN_HERE, TWIN_ELSEWHERE))
VICTIMS = (ANA, FIRST_TWIN, SECOND_TWIN, TWIN_HERE, TWIN_ELSEWHERE)
"""Who writes nothing while others try to get at them: no file of theirs may change."""
PEOPLE = (
    ANA, BEN, ANA_ELSEWHERE, CHIEF, CHIEF_ELSEWHERE, TEACHER, FIRST_TWIN, SECOND_TWIN, TWIN_HERE, TWIN_ELSEWHERE,
)  # fmt: skip

SESSION = "conversation-1"
"""Everybody has a conversation of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What there is of a person, and what somebody else may have got hold of."""

    ids: dict[str, str]
    cursor: str


def plant(engine: Engine, person: Person) -> Planted:
    """Give a person memories of every kind, scope and state, and return how they are named."""
    caller, word = person.caller(session_id=SESSION), person.canary
    about = {
        "category": Category.PROJECT,
        "entities": (f"Entity {word}", "Orchard"),
        "relations": (Relation(subject=f"Entity {word}", predicate="works_at", object=f"Place {word}"),),
        "metadata": {"topic": "orchard", "note": word},
    }
    said = [
        Message(content=f"The orchard of {word} has pears", name=f"Name {word}", metadata={"topic": "orchard"}),
        Message(content=f"Pear season of {word} begins in March"),
        Message(content=f"The password for pears {word} is hunter2!Xy"),
    ]
    facts = [
        FactDraft(text=f"Orchard {word} has pears", evidence="orchard", **about),  # type: ignore[arg-type]
        FactDraft(text=f"The pears of {word} are green", evidence="Pear season", metadata={"note": word}),
    ]
    _, episode, suspect, fact, old = _added(engine, caller, messages=said, facts=facts)
    dated = BEGUN + timedelta(minutes=1)
    _added(engine, caller, facts=[FactDraft(text=f"The pears of {word} are red", valid_from=dated, replaces=(old,))])
    today = Message(content=f"Pears of {word} for today")
    (session,) = _added(engine, caller, messages=[today], scope=Scope.SESSION)
    ids = {"fact": fact, "versions": old, "episode": episode, "session": session, "suspect": suspect}
    page = list_memories(engine, caller, Listing(scope=Scope.USER, limit=1))
    assert page.next_cursor
    return Planted(ids=ids, cursor=page.next_cursor)


def _added(engine: Engine, caller: Caller, **addition: object) -> list[str]:
    """Add something and return the ids of what came of it."""
    added = add(engine, caller, Addition(**addition))  # type: ignore[arg-type]
    return [outcome.record.id for outcome in added.outcomes]
