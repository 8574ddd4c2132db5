"""What must hold after every answer."""

from collections.abc import Iterable

from borders.doors import Answer, Door
from borders.people import PEOPLE, VICTIMS, Person
from borders.served import Files, Served
from borders.ways import Known, Way
from scrubjay.types import Scope


def foreign_canaries(answer: Answer, person: Person) -> list[str]:
    """Return the canaries of others in an answer to a person; there must be none."""
    told = answer.everything.lower()
    return [each.canary for each in PEOPLE if each != person and each.canary.encode() in told]


def of_others(house: Served, person: Person) -> Files:
    """Return all there is of those who write nothing, and whose tables there are but for the person's own."""
    others = [each.caller().owner_of(Scope.USER) for each in VICTIMS if each != person]
    own = {f"table {person.caller().owner_of(scope).digest}" for scope in (Scope.USER, Scope.AGENT)}
    return {name: stamp for name, stamp in house.files(others).items() if name not in own}


def leaks(house: Served, door: Door, person: Person, target: Person, tried: Iterable[Way]) -> list[str]:
    """Return the ways by which a person gets at, or changes, anything of anybody else's."""
    known = Known(person=target, planted=house.planted[target])
    found = []
    before = of_others(house, person)
    for way in tried:
        answer = way.taken(door, known)
        found += [f"{way.name} shows {canary}" for canary in foreign_canaries(answer, person)]
        after = of_others(house, person)
        found += [f"{way.name} changes {name}" for name in changed(before, after)]
        before = after
    return found


def changed(before: Files, after: Files) -> list[str]:
    """Return the files that came, went or were written."""
    return sorted({name for name, _ in before.items() ^ after.items()})
