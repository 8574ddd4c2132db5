"""The people, things and projects in memory as a picture: who stands where. Pure; the template gives it its looks."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import rustworkx

from scrubjay.graph.projection import Entity, Graph
from scrubjay.texts import entity_key, one_line
from scrubjay.types import Category, MemoryRecord

MOST_NODES = 40
WIDTH, HEIGHT = 1000, 640
_MARGIN_X, _MARGIN_Y = 80, 48
_LABEL_CHARS = 24
_SEED = 7
_STEPS = 400
_SMALLEST, _LARGEST = 7.0, 20.0
_MOST_NAMED_TOGETHER = 6  # a fact that names more is a list, and connects nothing with everything
_MOST_LINES = 100

PEOPLE = frozenset({Category.IDENTITY, Category.RELATIONSHIP})
WORK = frozenset({Category.PROJECT, Category.SKILL, Category.GOAL, Category.KNOWLEDGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An entity at its place: `kind` is "people", "work" or "life", by what is mostly said about it."""

    name: str
    label: str
    kind: str
    memories: int
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A connection between two nodes: what is said of it ("" for two that are only named together)."""

    x1: float
    y1: float
    x2: float
    y2: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Nodes and lines within 1000 by 640, and how many entities were left out."""

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    left_out: int


def picture_of(graph: Graph, facts: Sequence[MemoryRecord]) -> Picture:
    """Return the entities that are connected to the most others, at places that are the same each time.

    `facts` are those the graph was projected from. A line is a relation, or that two entities are named by one fact.
    """
    said_by_pair = _said_by_pair(graph)
    degree = Counter(name for pair in said_by_pair for name in pair)
    by_importance = sorted(graph.entities, key=lambda each: (-degree[each.name], -len(each.memory_ids), each.name))
    drawn = [each for each in by_importance if degree[each.name]][:MOST_NODES] or by_importance[:MOST_NODES]
    names = {entity.name for entity in drawn}
    pairs = _lines_worth_drawing({pair: said for pair, said in said_by_pair.items() if names.issuperset(pair)})
    places = _places([entity.name for entity in drawn], pairs)
    kinds = _kinds(drawn, facts)
    most = max((len(entity.memory_ids) for entity in drawn), default=1)
    nodes = [_node(entity, places[entity.name], kinds[entity.name], most) for entity in drawn]
    lines = [_line(places[one], places[other], said) for (one, other), said in sorted(pairs.items())]
    return Picture(nodes=tuple(nodes), lines=tuple(lines), left_out=len(graph.entities) - len(nodes))


def spoken(predicate: str) -> str:
    """Return a predicate as words: "works_at" as "works at"."""
    return one_line(predicate.replace("_", " "), longest=_LABEL_CHARS * 2)


def _said_by_pair(graph: Graph) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return what is said of each pair that is connected, by its names in order."""
    said: dict[tuple[str, str], dict[str, None]] = {}
    for edge in graph.edges:
        one, other = edge.relation.subject, edge.relation.object
        if one != other:
            pair = (min(one, other), max(one, other))
            said.setdefault(pair, {})[f"{one} {spoken(edge.relation.predicate)} {other}"] = None
    for names in _named_together(graph.entities):
        for one, other in combinations(sorted(names), 2):
            said.setdefault((one, other), {})
    return {pair: tuple(sentences) for pair, sentences in said.items()}


def _lines_worth_drawing(pairs: Mapping[tuple[str, str], tuple[str, ...]]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return all pairs while there is room, else those of which something is said."""
    return {pair: said for pair, said in pairs.items() if said or len(pairs) <= _MOST_LINES}


def _named_together(entities: Iterable[Entity]) -> list[set[str]]:
    by_fact: dict[str, set[str]] = {}
    for entity in entities:
        for memory_id in entity.memory_ids:
            by_fact.setdefault(memory_id, set()).add(entity.name)
    return [names for names in by_fact.values() if 1 < len(names) <= _MOST_NAMED_TOGETHER]


def _places(names: Sequence[str], pairs: Mapping[tuple[str, str], object]) -> dict[str, tuple[float, float]]:
    """Return where each stands: pulled together by lines, pushed apart otherwise, stretched to fill the picture."""
    network: rustworkx.PyGraph[str, None] = rustworkx.PyGraph()
    number_by_name = {name: network.add_node(name) for name in names}
    network.add_edges_from([(number_by_name[one], number_by_name[other], None) for one, other in pairs])
    count = max(len(names), 1)
    laid_out = rustworkx.spring_layout(network, seed=_SEED, num_iter=_STEPS, k=1.6 / math.sqrt(count))
    xs = _stretched([laid_out[number][0] for number in number_by_name.values()], _MARGIN_X, WIDTH - _MARGIN_X)
    ys = _stretched([laid_out[number][1] for number in number_by_name.values()], _MARGIN_Y, HEIGHT - _MARGIN_Y)
    return {name: (x, y) for name, x, y in zip(number_by_name, xs, ys, strict=True)}


def _stretched(values: Sequence[float], low: float, high: float) -> list[float]:
    least, most = min(values, default=0.0), max(values, default=0.0)
    if most == least:
        return [(low + high) / 2 for _ in values]
    return [round(low + (value - least) / (most - least) * (high - low), 1) for value in values]


def _kinds(entities: Iterable[Entity], facts: Sequence[MemoryRecord]) -> dict[str, str]:
    """Return what each entity is: a person when a fact about people is about it, else by what is mostly said of it."""
    kind_by_id = {fact.id: _kind(fact.category) for fact in facts}
    about_people = [fact for fact in facts if kind_by_id[fact.id] == "people"]
    people = {entity_key(each.subject) for fact in about_people for each in fact.relations}
    kinds = {}
    for entity in entities:
        said = [kind_by_id.get(memory_id, "life") for memory_id in entity.memory_ids]
        others = Counter(kind for kind in said if kind != "people")
        is_person = not people.isdisjoint(map(entity_key, (entity.name, *entity.aliases))) or not others
        kinds[entity.name] = "people" if is_person else others.most_common(1)[0][0]
    return kinds


def _kind(category: str) -> str:
    return "people" if category in PEOPLE else "work" if category in WORK else "life"


def _node(entity: Entity, place: tuple[float, float], kind: str, most: int) -> Node:
    share = math.sqrt(len(entity.memory_ids) / most)
    return Node(
        name=entity.name,
        label=one_line(entity.name, longest=_LABEL_CHARS),
        kind=kind,
        memories=len(entity.memory_ids),
        x=place[0],
        y=place[1],
        radius=round(_SMALLEST + (_LARGEST - _SMALLEST) * share, 1),
    )


def _line(one: tuple[float, float], other: tuple[float, float], said: Sequence[str]) -> Line:
    return Line(x1=one[0], y1=one[1], x2=other[0], y2=other[1], said="; ".join(said))
