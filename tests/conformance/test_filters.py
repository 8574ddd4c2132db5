"""Every store filters exactly as `matching` says, for any filter and any text in it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records import ANA, NOON, UNITS, record
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
def lance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryStore]:
    store = LanceDBStore(tmp_path_factory.mktemp("filters"), embedding="hand-written", dimension=4)
    yield store
    store.close()


def fill(store: MemoryStore, made: list[dict[str, object]], *, versions: int = 1) -> list[MemoryRecord]:
    records = [
        record(f"m{number // versions}", version=number % versions + 1, **columns)
        for number, columns in enumerate(made)
    ]
    store.erase_owner(ANA)
    with store.exclusive(ANA):
        store.write(ANA, inserted=records, vectors=UNITS[[n % 4 for n in range(len(records))]], replaced=())
    return records


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
