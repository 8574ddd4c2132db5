"""Which rows are about an entity: the facts that name it, and the words that those rest on."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from scrubjay.graph.names import Names, alias_in
from scrubjay.types import MemoryRecord, Relation, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What of a fact's version says whom it is about: some of the columns of its record, by the same names."""

    id: str
    version: int
    state: State
    entities: tuple[str, ...]
    relations: tuple[Relation, ...]
    source_ids: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime | None

    @classmethod
    def of(cls, fact: MemoryRecord) -> "Statement":
        """Return what this version states."""
        return cls(**{column.name: getattr(fact, column.name) for column in fields(cls)})

    @property
    def key(self) -> tuple[str, int]:
        """What tells this version from every other row of its owner."""
        return (self.id, self.version)

    @property
    def speaks(self) -> bool:
        """Whether anything follows from it: not from a suspect fact, nor from one that was never true."""
        was_ever_true = self.valid_to is None or self.valid_to > self.valid_from
        return was_ever_true and self.state is not State.SUSPECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The rows about an entity: versions of facts by their keys, and episodes by their ids."""

    keys: frozenset[tuple[str, int]]
    episode_ids: frozenset[str]


def names_in(fact: Statement | MemoryRecord) -> list[str]:
    """Return every name in a fact, as it stands there: its entities, and both ends of its relations."""
    return [*fact.entities, *(end for relation in fact.relations for end in (relation.subject, relation.object))]


def subject_of(entity: str, facts: Sequence[Statement], *, at: datetime | None) -> Subject:
    """Return the rows about `entity` by any of its names, as these facts tell.

    An alias counts until its fact ends, so with `at` those that held then or began later, without it all: a name that
    is learned today meant the same thing yesterday. A fact that speaks for nothing joins no names and brings no
    episode.
    """
    speaking = [fact for fact in facts if fact.speaks]
    lasting = [fact for fact in speaking if at is None or fact.valid_to is None or fact.valid_to > at]
    names = Names(alias for fact in lasting for relation in fact.relations if (alias := alias_in(relation)))
    wanted = names.canonical(entity)
    spellings = {
        name for name in {name for fact in facts for name in names_in(fact)} if names.canonical(name) == wanted
    }
    keys = frozenset(fact.key for fact in facts if not spellings.isdisjoint(names_in(fact)))
    return Subject(
        keys=keys,
        episode_ids=frozenset(source for fact in speaking if fact.key in keys for source in fact.source_ids),
    )
