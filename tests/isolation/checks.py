"""What must hold after every answer."""

from isolation.doors import Answer
from isolation.people import PEOPLE, Person
from isolation.served import Served, State
from scrubjay.rights import Right, grants
from scrubjay.types import Scope


def foreign_canaries(answer: Answer, person: Person) -> list[str]:
    """Return the canaries of others in an answer to a person; there must be none."""
    told = answer.everything.lower()
    return [each.canary for each in PEOPLE if each != person and each.canary.encode() in told]


def of_others(house: Served, person: Person) -> State:
    """Return all there is of everybody else; what a person may teach the agent of their tenant is not counted."""
    state = house.state(without=person)
    if grants(person.rights, Right.AGENT_WRITE):
        state.pop(person.caller().owner_of(Scope.AGENT), None)
    return state
