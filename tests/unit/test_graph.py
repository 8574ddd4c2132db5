from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import NOON, record
from scrubjay.graph.names import Names, alias_in
from scrubjay.graph.projection import Graph, around, project, same_as
from scrubjay.graph.subject import Statement, Subject, subject_of
from scrubjay.types import MemoryRecord, Relation, State

DAY = timedelta(days=1)
BOB = Relation(subject="Robert Tanaka", predicate="also_known_as", object="Bob")


def stated(memory_id: str, *relations: Relation | tuple[str, str, str], **columns: object) -> MemoryRecord:
    made = [
        one if isinstance(one, Relation) else Relation(subject=one[0], predicate=one[1], object=one[2])
        for one in relations
    ]
    return record(memory_id, relations=tuple(made), **columns)


def shown(graph: Graph) -> list[tuple[str, str, str]]:
    return [(edge.relation.subject, edge.relation.predicate, edge.relation.object) for edge in graph.edges]


def test_entities_are_joined_by_name_whatever_its_case_and_spacing() -> None:
    works = Relation(subject="Ana", predicate="works_at", object="Acme  Corp")
    facts = [record("one", entities=("Ana",), relations=(works,)), record("two", entities=("ANA", "acme corp"))]
    graph = project(facts)
    assert [(e.name, e.memory_ids) for e in graph.entities] == [("Ana", ("one", "two")), ("Acme  Corp", ("one", "two"))]
    assert [(edge.relation.predicate, edge.memory_id) for edge in graph.edges] == [("works_at", "one")]
    assert all(entity.aliases == () for entity in graph.entities)


def test_similar_names_are_not_joined() -> None:
    graph = project([record("one", entities=("Ann", "Anna", "Bob", "Bobby", "Robert Tanaka", "Robert T.", "Müller"))])
    assert [entity.name for entity in graph.entities] == [
        "Ann", "Anna", "Bob", "Bobby", "Robert Tanaka", "Robert T.", "Müller",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        ("also_known_as", ("a", "b")),
        ("Also Known As", ("a", "b")),
        ("also-known-as", ("a", "b")),
        (" ALSO  KNOWN AS ", ("a", "b")),
        ("alias_of", ("b", "a")),
        ("Alias of", ("b", "a")),
        ("known_as", None),
        ("also_known_as_well", None),
        ("knows", None),
    ],
)
def test_an_alias_is_what_two_predicates_say(predicate: str, expected: tuple[str, str] | None) -> None:
    assert alias_in(Relation(subject="a", predicate=predicate, object="b")) == expected


def test_an_alias_makes_one_entity_and_no_relation() -> None:
    graph = project([stated("alias", BOB), stated("work", ("BOB", "works_at", "Acme")), record("x", entities=("bob",))])
    assert [(e.name, e.aliases, e.memory_ids) for e in graph.entities] == [
        ("Robert Tanaka", ("Bob",), ("alias", "work", "x")),
        ("Acme", (), ("work",)),
    ]
    assert shown(graph) == [("Robert Tanaka", "works_at", "Acme")]


def test_aliases_of_aliases_lead_to_the_first_name() -> None:
    chain = stated("c", ("Bobby", "alias of", "Bob"), BOB, ("Rob", "alias_of", "Robert  TANAKA"))
    graph = project([chain, stated("k", ("Rob", "knows", "Bobby"))])
    assert [(e.name, e.aliases) for e in graph.entities] == [("Robert Tanaka", ("Bobby", "Bob", "Rob"))]
    assert shown(graph) == [("Robert Tanaka", "knows", "Robert Tanaka")]


def test_a_circle_of_aliases_is_one_entity_with_one_name() -> None:
    circle = [("B", "also_known_as", "A"), ("A", "also_known_as", "C"), ("C", "also_known_as", "B")]
    for facts in ([stated("x", *circle)], [stated(str(n), one) for n, one in enumerate(reversed(circle))]):
        assert [entity.name for entity in project(facts).entities] == ["A"]


def test_a_name_is_no_alias_of_itself() -> None:
    graph = project([stated("x", ("Ana", "also_known_as", "ANA"), ("Ana", "likes", "tea"))])
    assert [(entity.name, entity.aliases) for entity in graph.entities] == [("Ana", ()), ("tea", ())]


def test_a_relation_tells_since_when_and_until_when_it_holds() -> None:
    ended = stated("old", ("Ana", "works_at", "Acme"), valid_from=NOON - 9 * DAY, valid_to=NOON)
    graph = project([stated("new", ("Ana", "works_at", "Globex")), ended])
    assert [(edge.relation.object, edge.valid_from, edge.valid_to, edge.memory_id) for edge in graph.edges] == [
        ("Globex", NOON, None, "new"),
        ("Acme", NOON - 9 * DAY, NOON, "old"),
    ]


def test_one_relation_in_two_facts_is_two_edges() -> None:
    graph = project([stated("a", ("Ana", "knows", "Bo")), stated("b", ("ana", "knows", "Bo"), valid_to=NOON + DAY)])
    assert [(edge.relation.subject, edge.memory_id) for edge in graph.edges] == [("Ana", "a"), ("Ana", "b")]


def test_a_name_learned_later_finds_an_entity_but_is_not_shown_before() -> None:
    work, later = stated("work", ("Bob", "works_at", "Acme")), stated("later", BOB)
    then = around(project([work]), same_as(project([work, later]), "robert tanaka"))
    assert [(entity.name, entity.aliases) for entity in then.entities] == [("Bob", ()), ("Acme", ())]
    assert shown(then) == [("Bob", "works_at", "Acme")]


def test_what_touches_an_entity_is_found_by_any_of_its_names() -> None:
    facts = [stated("b", BOB), stated("w", ("Bob", "works_at", "Acme")), stated("o", ("Ana", "works_at", "Acme"))]
    for name in ("Robert Tanaka", " bob ", "BOB"):
        graph = around(project(facts), same_as(project(facts), name))
        assert shown(graph) == [("Robert Tanaka", "works_at", "Acme")]
        assert [entity.name for entity in graph.entities] == ["Robert Tanaka", "Acme"]
    assert around(project(facts), same_as(project(facts), "Rob")) == Graph()
    two = project([record("x", entities=("Ana", "Ben"))])
    assert [entity.name for entity in around(two, same_as(two, "ana")).entities] == ["Ana"]


pairs = st.lists(st.tuples(*[st.sampled_from("abcdefgh")] * 2), max_size=10)


@given(aliases=pairs, data=st.data())
def test_names_do_not_depend_on_the_order_of_aliases(aliases: list[tuple[str, str]], data: st.DataObject) -> None:
    names, other = Names(aliases), Names(data.draw(st.permutations(aliases)))
    for name in "abcdefgh":
        assert names.canonical(name) == names.canonical(name.upper()) == other.canonical(name)
    assert all(names.canonical(name) == names.canonical(alias) for name, alias in aliases)
    reached = {name: {name} for name in "abcdefgh"}
    for _ in aliases:
        for name, alias in aliases:
            joined = reached[name] | reached[alias]
            reached.update(dict.fromkeys(joined, joined))
    assert all((names.canonical(a) == names.canonical(b)) == (b in reached[a]) for a in reached for b in reached)


def about(entity: str, *facts: MemoryRecord, day: int | None = None) -> Subject:
    return subject_of(
        entity, [Statement.of(fact) for fact in facts], at=None if day is None else NOON + timedelta(days=day)
    )


def test_what_is_about_an_entity_names_it_and_brings_the_words_it_rests_on() -> None:
    works = stated("w", ("Ana", "works_at", "Acme"), source_ids=("e1", "e2"))
    other = record("o", entities=("Acme Ltd",), source_ids=("e3",))
    assert about("ACME", works, other) == Subject(keys=frozenset({("w", 1)}), episode_ids=frozenset({"e1", "e2"}))
    assert about("Acm", works, other) == Subject(keys=frozenset(), episode_ids=frozenset())


def test_an_alias_counts_until_its_fact_ends_and_also_for_the_time_before() -> None:
    alias = stated("a", BOB, valid_from=NOON, valid_to=NOON + DAY)
    work = stated("w", ("Robert Tanaka", "works_at", "Acme"), valid_from=NOON - 9 * DAY)
    found = {day: ("w", 1) in about("bob", alias, work, day=day).keys for day in (None, -9, 0, 1, 2)}
    assert found == {None: True, -9: True, 0: True, 1: False, 2: False}


@pytest.mark.parametrize("columns", [{"state": State.SUSPECT}, {"valid_to": NOON}])
def test_what_is_suspect_or_was_never_true_joins_nothing_and_brings_no_words(columns: dict[str, object]) -> None:
    mute = replace(stated("a", BOB, source_ids=("e",)), **columns)  # type: ignore[arg-type]  # one column or another
    assert about("Bob", mute, record("r", entities=("Robert Tanaka",))) == Subject(
        keys=frozenset({("a", 1)}), episode_ids=frozenset()
    )
