from records import record
from scrubjay.graph.projection import project
from scrubjay.types import Relation


def test_entities_are_joined_by_name_whatever_its_case_and_spacing() -> None:
    works = Relation(subject="Ana", predicate="works_at", object="Acme  Corp")
    facts = [record("one", entities=("Ana",), relations=(works,)), record("two", entities=("ANA", "acme corp"))]
    graph = project(facts)
    assert [(e.name, e.memory_ids) for e in graph.entities] == [("Ana", ("one", "two")), ("Acme  Corp", ("one", "two"))]
    assert [(edge.relation.predicate, edge.memory_id) for edge in graph.edges] == [("works_at", "one")]


def test_similar_names_are_not_joined() -> None:
    graph = project([record("one", entities=("Ann", "Anna"))])
    assert [entity.name for entity in graph.entities] == ["Ann", "Anna"]
