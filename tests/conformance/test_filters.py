"""Every store filters exactly as `matching` says, for any filter and any text in it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records import ANA, NOON, UNITS, erase_all, record
from scrubjay.matches import Match
from scrubjay.ports import MemoryStore
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.stores.matching import is_visible, matching, metadata_terms
from scrubjay.stores.sql import quoted
from scrubjay.types import Filter, Kind, MemoryRecord, Relation, Scope, State, Visibility

NASTY = [
    "plain", "it's", "''", "'", '"', "\\", "\\'", "a''b", "'''", "x' OR '1'='1", "'; DROP TABLE t; --", "%", "_", "*",
    "?", "line\nbreak", "tab\t", "nul\x00byte", "\u200bzero", "émoji 👩‍💻", "我喜欢", "مرحبا", "`id`", "{}", "$1", ":a",
    "NULL", "--", "/*", "*/", "\r", " ", "null", "true", "\\n", "a\\", "\\\\", "' || id || '", "\u2019", "ﬀ",
]  # fmt: skip
MOMENTS = [NOON + timedelta(days=days) for days in range(-2, 3)]
FAR = [datetime(1066, 10, 14, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]

moments = st.sampled_from([*MOMENTS, *FAR])
some_moment = st.none() | moments
texts = st.sampled_from(NASTY)
scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 1.5]) | texts
objects = st.dictionaries(
    st.sampled_from(["k", "it's", '"']),
    scalars | st.lists(scalars, max_size=2) | st.dictionaries(texts, scalars, max_size=1),
    max_size=2,
)
visibilities = st.builds(
    Visibility, scopes=st.frozensets(st.sampled_from(Scope)), session_id=st.sampled_from(["", "s", *NASTY[:4]])
)
few = st.lists(st.sampled_from(["m0", "m1", "e1", *NASTY[:6]]), max_size=3).map(tuple)
names = st.sampled_from(["Ana", "ANA", "ana  ", "Anna", "Annie", *NASTY[:8]])
predicates = st.sampled_from(["knows", "also_known_as", "Alias of"])
relations = st.lists(st.builds(Relation, subject=names, predicate=predicates, object=names), max_size=2).map(tuple)

rows = st.builds(
    dict,
    scope=st.sampled_from(Scope),
    session_id=st.sampled_from(["", "s", *NASTY[:4]]),
    kind=st.sampled_from(Kind),
    state=st.sampled_from(State),
    category=st.sampled_from(["", "skill"]),
    digest=texts,
    written_by=texts,
    superseded_by=st.sampled_from(["", *NASTY[:4]]),
    source_ids=few,
    entities=st.lists(names, max_size=1).map(tuple),
    relations=relations,
    valid_from=moments,
    valid_to=some_moment,
    occurred_at=some_moment,
    expires_at=some_moment,
    metadata=objects,
)
filters = st.builds(
    Filter,
    visible=st.none() | visibilities,
    ids=st.none() | few,
    without_ids=few,
    unclaimed=st.booleans(),
    entity=st.none() | names,
    digests=st.none() | st.lists(texts, max_size=3).map(tuple),
    kind=st.none() | st.sampled_from(Kind),
    states=st.none() | st.frozensets(st.sampled_from(State)),
    category=st.sampled_from([None, "", "skill"]),
    metadata=objects,
    current_at=some_moment,
    ended_at=some_moment,
    as_of=some_moment,
    alive_at=some_moment,
    since=some_moment,
    until=some_moment,
    rests_on=st.none() | few,
    superseded_by=st.none() | st.lists(st.sampled_from(["", *NASTY[:4]]), max_size=2).map(tuple),
    session_id=st.sampled_from([None, "", "s", *NASTY[:4]]),
    written_by=st.sampled_from([None, "", *NASTY]),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("filters")


@pytest.fixture(scope="module")
def lance(folder: Path) -> Iterator[MemoryStore]:
    store = LanceDBStore(folder, embedding="hand-written", dimension=4)
    yield store
    store.close()


@pytest.fixture(scope="module")
def unheld(folder: Path) -> Iterator[MemoryStore]:
    """The same tables, none of them held in memory: LanceDB searches itself."""
    store = LanceDBStore(folder, embedding="hand-written", dimension=4, most_held=0)
    yield store
    store.close()


ANY = Filter()
few_conditions = st.lists(st.sampled_from(Filter.__slots__), max_size=2).flatmap(
    lambda names: st.builds(lambda where: replace(ANY, **{name: getattr(where, name) for name in names}), filters)
)
"""Filters of two conditions at most, which more rows satisfy than a whole one."""


def fill(store: MemoryStore, made: list[dict[str, object]], *, versions: int = 1) -> list[MemoryRecord]:
    records = [
        record(f"m{number // versions}", version=number % versions + 1, **columns)
        for number, columns in enumerate(made)
    ]
    erase_all(store, ANA)
    with store.exclusive(ANA):
        store.write(ANA, inserted=records, vectors=UNITS[[n % 4 for n in range(len(records))]], replaced=())
    return records


def by_id(found: list[Match]) -> list[Match]:
    return sorted(found, key=lambda match: match.candidate.key)


@settings(max_examples=25, deadline=None)
@given(made=st.lists(rows, min_size=6, max_size=12), wheres=st.lists(filters, min_size=12, max_size=24))
def test_lancedb_filters_like_the_yardstick(
    lance: MemoryStore, made: list[dict[str, object]], wheres: list[Filter]
) -> None:
    records = fill(lance, made, versions=2)
    for where in wheres:
        expected = {r.key for r in matching(records, where)}
        assert {r.key for r in lance.find(ANA, where)} == expected
        assert lance.count(ANA, where) == len(expected)


@settings(max_examples=15, deadline=None)
@given(
    made=st.lists(st.tuples(rows, names), min_size=6, max_size=12),
    wheres=st.lists(few_conditions | filters, min_size=8, max_size=12),
)
def test_every_search_filters_like_the_yardstick(
    lance: MemoryStore, unheld: MemoryStore, made: list[tuple[dict[str, object], str]], wheres: list[Filter]
) -> None:
    records = fill(lance, [{**columns, "name": name} for columns, name in made], versions=2)
    for where in wheres:
        expected = matching(records, where)
        keys = sorted(r.key for r in expected)
        for store in (lance, unheld):
            for found in (
                *store.dense(ANA, UNITS[:2], where, limit=50),
                store.lexical(ANA, "memory", where, limit=50),
            ):
                assert sorted(match.candidate.key for match in found) == keys
                scores = [match.score for match in found]
                assert scores == sorted(scores, reverse=True)
            assert store.speakers(ANA, where) == {r.name for r in expected} - {""}


def test_no_search_finds_a_version_that_was_never_true(lance: MemoryStore, unheld: MemoryStore) -> None:
    fill(lance, [{"valid_from": MOMENTS[3], "valid_to": moment, "name": str(moment)} for moment in MOMENTS[3:]])
    now = Filter(current_at=NOON)
    for store in (lance, unheld):
        assert [m.candidate.id for m in store.dense(ANA, UNITS[:1], now, limit=9)[0]] == ["m1"]
        assert [m.candidate.id for m in store.lexical(ANA, "memory", now, limit=9)] == ["m1"]
        assert store.speakers(ANA, now) == {str(MOMENTS[4])}


@settings(max_examples=10, deadline=None)
@given(made=st.lists(st.tuples(rows, names), min_size=6, max_size=12), limit=st.integers(1, 12))
def test_tables_held_in_memory_and_those_that_are_not_give_the_same_matches(
    lance: MemoryStore, unheld: MemoryStore, made: list[tuple[dict[str, object], str]], limit: int
) -> None:
    records = fill(lance, [{**columns, "name": name} for columns, name in made])
    ids = tuple(r.id for r in records[::2])
    for where in (Filter(), Filter(ids=ids), Filter(kind=Kind.FACT)):
        held, read = (store.dense(ANA, UNITS[:1], where, limit=limit)[0] for store in (lance, unheld))
        assert [m.score for m in held] == pytest.approx([m.score for m in read], abs=1e-6)
        held, read = (by_id(store.lexical(ANA, "memory m1", where, limit=50)) for store in (lance, unheld))
        assert [m.candidate for m in held] == [m.candidate for m in read]
        if where == Filter():  # LanceDB counts words among the rows that its filter leaves
            assert [m.score for m in held] == pytest.approx([m.score for m in read], abs=1e-6)
        assert lance.find(ANA, where) == unheld.find(ANA, where)
    held, read = (by_id(store.dense(ANA, UNITS[:1], Filter(), limit=50)[0]) for store in (lance, unheld))
    assert [m.candidate for m in held] == [m.candidate for m in read]
    assert all((one.candidate.vector == other.candidate.vector).all() for one, other in zip(held, read, strict=True))


about = st.builds(
    Filter,
    entity=names,
    visible=st.none() | visibilities,
    current_at=some_moment,
    as_of=some_moment,
    alive_at=some_moment,
)


@settings(max_examples=25, deadline=None)
@given(made=st.lists(rows, min_size=6, max_size=12), wheres=st.lists(about, min_size=12, max_size=24))
def test_lancedb_knows_an_entity_like_the_yardstick(
    lance: MemoryStore, made: list[dict[str, object]], wheres: list[Filter]
) -> None:
    records = fill(lance, made, versions=2)
    for where in wheres:
        assert {r.key for r in lance.find(ANA, where)} == {r.key for r in matching(records, where)}


@pytest.mark.promise("isolation")
@settings(max_examples=50, deadline=None)
@given(made=st.lists(rows, min_size=6, max_size=12), where=about, visible=visibilities)
def test_what_a_caller_does_not_see_tells_nothing_of_an_entity(
    made: list[dict[str, object]], where: Filter, visible: Visibility
) -> None:
    records = [record(f"m{number}", **columns) for number, columns in enumerate(made)]
    seen = [row for row in records if is_visible(row, visible)]
    mine = replace(where, visible=visible)
    assert matching(records, mine) == matching(seen, mine) == matching(seen, replace(where, visible=None))


@pytest.mark.promise("literal-text")
@pytest.mark.parametrize("text", NASTY)
def test_a_quoted_text_equals_itself_and_nothing_else(lance: MemoryStore, text: str) -> None:
    fill(
        lance,
        [
            {"written_by": text, "digest": text, "metadata": {text: text}, "entities": (text,)},
            {"written_by": "other", "entities": ("other",)},
        ],
    )
    asked = (Filter(written_by=text), Filter(digests=(text,)), Filter(metadata={text: text}), Filter(entity=text))
    for where in asked:
        assert [r.id for r in lance.find(ANA, where)] == ["m0"]
    assert quoted(text).count("'") % 2 == 0


@pytest.mark.promise("literal-text")
@settings(max_examples=60, deadline=None)
@given(text=st.text(min_size=1, max_size=30), other=st.text(min_size=1, max_size=30))
def test_any_text_in_a_filter_is_data(lance: MemoryStore, text: str, other: str) -> None:
    records = fill(lance, [{"session_id": text, "metadata": {other: text}}, {"session_id": other}])
    for where in (Filter(session_id=text), Filter(session_id=other), Filter(metadata={other: text})):
        assert {r.id for r in lance.find(ANA, where)} == {r.id for r in matching(records, where)}


def test_metadata_values_are_compared_as_json_does() -> None:
    assert metadata_terms({"n": 1.0}) == metadata_terms({"n": 1})
    assert metadata_terms({"n": 1}) != metadata_terms({"n": "1"})
    assert metadata_terms({"n": 1}) != metadata_terms({"n": True})
    assert metadata_terms({"a": {"x": 1, "y": 2}}) == metadata_terms({"a": {"y": 2, "x": 1}})
    assert metadata_terms({"outer": {"k": "v"}}) != metadata_terms({"k": "v"})
