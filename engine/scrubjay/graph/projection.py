"""Entities and relations, read off facts."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from scrubjay.texts import entity_key
from scrubjay.types import MemoryRecord, Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A named thing, as it was first written, and the facts that name it."""

    name: str
    memory_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A relation and the fact that states it."""

    relation: Relation
    memory_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Entities by the number of facts that name them, and relations in the order of their facts."""

    entities: tuple[Entity, ...] = field(default=())
    edges: tuple[Edge, ...] = field(default=())


def project(facts: Iterable[MemoryRecord]) -> Graph:
    """Return the graph that these facts state. Names that differ in case or spacing only are one entity."""
    name_by_key: dict[str, str] = {}
    ids_by_key: dict[str, dict[str, None]] = {}
    edges: list[Edge] = []
    for fact in facts:
        ends = [end for relation in fact.relations for end in (relation.subject, relation.object)]
        for name in (*fact.entities, *ends):
            key = entity_key(name)
            name_by_key.setdefault(key, name)
            ids_by_key.setdefault(key, {})[fact.id] = None
        edges += [Edge(relation=relation, memory_id=fact.id) for relation in fact.relations]
    entities = [Entity(name=name_by_key[key], memory_ids=tuple(ids)) for key, ids in ids_by_key.items()]
    return Graph(entities=tuple(sorted(entities, key=lambda entity: -len(entity.memory_ids))), edges=tuple(edges))
