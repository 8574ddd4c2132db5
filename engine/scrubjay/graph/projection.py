"""Entities and relations, read off facts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scrubjay.graph.names import Names, alias_in
from scrubjay.graph.subject import names_in
from scrubjay.texts import entity_key
from scrubjay.types import MemoryRecord, Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A named thing, its other names, and the facts that name it by any of them."""

    name: str
    aliases: tuple[str, ...] = ()
    memory_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A relation between two entities, from when until when it holds (None: still), and the fact that states it."""

    relation: Relation
    valid_from: datetime
    valid_to: datetime | None
    memory_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Entities by the number of facts that name them, and relations in the order of their facts."""

    entities: tuple[Entity, ...] = field(default=())
    edges: tuple[Edge, ...] = field(default=())


def project(facts: Sequence[MemoryRecord]) -> Graph:
    """Return the graph that `facts` state, each name spelled as it is first given.

    Names that differ in case or spacing only are one entity, and so are those that an alias joins. An alias is no edge.
    Two facts that state the same relation are two edges: each has its own time.
    """
    names = Names(alias for fact in facts for relation in fact.relations if (alias := alias_in(relation)))
    spelled: dict[str, str] = {}
    for name in (name for fact in facts for name in names_in(fact)):
        spelled.setdefault(entity_key(name), name)
    ids_by_canonical: dict[str, dict[str, None]] = {}
    for fact in facts:
        for name in names_in(fact):
            ids_by_canonical.setdefault(names.canonical(name), {})[fact.id] = None
    aliases: dict[str, list[str]] = {}
    for key, name in spelled.items():
        if names.canonical(name) != key:
            aliases.setdefault(names.canonical(name), []).append(name)
    entities = [
        Entity(name=spelled[key], aliases=tuple(aliases.get(key, ())), memory_ids=tuple(ids))
        for key, ids in ids_by_canonical.items()
    ]
    entities.sort(key=lambda entity: -len(entity.memory_ids))
    return Graph(entities=tuple(entities), edges=tuple(_edges(facts, names, spelled)))


def _edges(facts: Iterable[MemoryRecord], names: Names, spelled: dict[str, str]) -> list[Edge]:
    def shown(name: str) -> str:
        return spelled[names.canonical(name)]

    return [
        Edge(
            relation=Relation(subject=shown(one.subject), predicate=one.predicate, object=shown(one.object)),
            valid_from=fact.valid_from,
            valid_to=fact.valid_to,
            memory_id=fact.id,
        )
        for fact in facts
        for one in fact.relations
        if alias_in(one) is None
    ]


def same_as(graph: Graph, name: str) -> frozenset[str]:
    """Return the keys of every name of the entity that has this one."""
    key = entity_key(name)
    named = [{entity_key(each) for each in (entity.name, *entity.aliases)} for entity in graph.entities]
    return frozenset({key}.union(*(keys for keys in named if key in keys)))


def around(graph: Graph, keys: frozenset[str]) -> Graph:
    """Return the entities that have one of these names, their relations, and the entities at the other ends."""
    found = {e.name for e in graph.entities if not keys.isdisjoint(map(entity_key, (e.name, *e.aliases)))}
    edges = [edge for edge in graph.edges if not found.isdisjoint((edge.relation.subject, edge.relation.object))]
    near = found.union(end for edge in edges for end in (edge.relation.subject, edge.relation.object))
    return Graph(entities=tuple(entity for entity in graph.entities if entity.name in near), edges=tuple(edges))
