"""One suite over every store: what the port promises, whoever implements it."""

import threading
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from records import ANA, BEN, NOON, UNITS, erase, erase_all, record
from scrubjay import StoreError
from scrubjay.ports import MemoryStore
from scrubjay.types import Filter, Kind, MemoryRecord, Owner, Position, Relation, Scope, State, Visibility

DAY = timedelta(days=1)


def put(store: MemoryStore, *records: MemoryRecord, owner: Owner = ANA, vectors: np.ndarray | None = None) -> None:
    made = UNITS[[number % 4 for number in range(len(records))]] if vectors is None else vectors
    with store.exclusive(owner):
        store.write(owner, inserted=records, vectors=made, replaced=())


def ids(records: list[MemoryRecord]) -> list[str]:
    return [r.id for r in records]


def test_a_row_comes_back_as_it_was_written(store: MemoryStore) -> None:
    whole = record(
        "whole",
        'it\'s "quoted" \\ 👩‍💻 我喜欢茶 مرحبا\nsecond line\ttab',
        agent_id="a",
        session_id="s",
        written_by="w",
        category="skill",
        entities=("Ana", "O'Brien"),
        relations=(Relation(subject="Ana", predicate="knows", object="O'Brien"),),
        source_ids=("e1", "e2"),
        evidence=("it's quoted",),
        role="user",
        name="Ana",
        turn=7,
        importance=0.25,
        occurred_at=NOON - DAY,
        valid_to=NOON + DAY,
        superseded_by="other",
        expires_at=NOON + 2 * DAY,
        origin="test",
        state=State.PENDING,
        attempts=3,
        metadata={"nested": {"a": [1, 2.5, None, True, "x"]}, "empty": {}},
    )
    put(store, whole)
    assert store.find(ANA, Filter()) == [whole]


def test_an_owner_that_never_wrote_has_nothing(store: MemoryStore) -> None:
    assert store.find(ANA, Filter()) == []
    assert store.count(ANA, Filter()) == 0
    assert store.dense(ANA, UNITS[:2], Filter(), limit=5) == [[], []]
    assert store.lexical(ANA, "tea", Filter(), limit=5) == []
    erase(store, ANA, "nothing")
    erase_all(store, ANA)


@pytest.mark.promise("isolation")
def test_no_owner_sees_a_row_of_another(store: MemoryStore) -> None:
    put(store, record("a", "tea with milk"))
    put(store, record("b", "tea with lemon"), owner=BEN)
    assert ids(store.find(BEN, Filter())) == ["b"]
    assert ids(store.find(BEN, Filter(ids=("a",)))) == []
    assert [m.candidate.id for m in store.dense(BEN, UNITS[:1], Filter(), limit=9)[0]] == ["b"]
    assert [m.candidate.id for m in store.lexical(BEN, "tea milk", Filter(), limit=9)] == ["b"]
    erase(store, BEN, "a")
    assert store.count(ANA, Filter()) == 1


@pytest.mark.promise("isolation")
def test_scores_do_not_move_when_another_owner_writes(store: MemoryStore) -> None:
    put(store, record("a", "green tea"), record("b", "black coffee"))
    before = store.lexical(ANA, "green tea", Filter(), limit=9)
    put(store, *(record(f"x{n}", "green tea " * n) for n in range(1, 9)), owner=BEN)
    assert store.lexical(ANA, "green tea", Filter(), limit=9) == before


def test_new_versions_and_closed_ones_are_one_commit(store: MemoryStore) -> None:
    old = record("m", "Uses React")
    put(store, old, record("other"))
    closed = replace(old, valid_to=NOON + DAY, superseded_by="x")
    new = replace(old, version=2, text="Uses Vue", lexical="Uses Vue", valid_from=NOON + DAY)
    unknown = record("never-stored")
    with store.exclusive(ANA):
        store.write(ANA, inserted=[new], vectors=UNITS[[3]], replaced=[closed, unknown])
    assert store.find(ANA, Filter(ids=("m",))) == [new, closed]
    assert store.count(ANA, Filter()) == 3
    assert [
        (m.candidate.version, round(m.score, 3)) for m in store.dense(ANA, UNITS[:1], Filter(ids=("m",)), limit=2)[0]
    ] == [
        (1, 1.0),
        (2, 0.0),
    ]
    assert store.lexical(ANA, "React", Filter(), limit=5)[0].candidate.version == 1


@pytest.mark.promise("order")
def test_listings_are_newest_first_and_go_on_where_they_stopped(store: MemoryStore) -> None:
    rows = [record(f"m{n}", recorded_at=NOON + timedelta(microseconds=n // 2)) for n in range(9)]
    put(store, *rows)
    whole = store.find(ANA, Filter())
    paged: list[MemoryRecord] = []
    after: Position | None = None
    while page := store.find(ANA, Filter(), limit=2, after=after):
        paged += page
        after = Position(recorded_at=page[-1].recorded_at, id=page[-1].id, version=page[-1].version)
    assert paged == whole
    assert ids(whole) == ["m8", "m7", "m6", "m5", "m4", "m3", "m2", "m1", "m0"]


def test_dense_search_ranks_by_cosine(store: MemoryStore) -> None:
    vectors = np.array([[1, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=np.float32)
    put(store, *(record(f"m{n}") for n in range(4)), vectors=vectors)
    found, other = store.dense(ANA, UNITS[:2], Filter(), limit=3)
    assert [m.candidate.id for m in found] == ["m0", "m1", "m2"]
    assert [m.score for m in found] == pytest.approx([1, 0.8, 0], abs=1e-5)
    assert [m.candidate.id for m in other][:2] == ["m2", "m1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tea", "t"),
        ("喜欢", "z"),
        ("القهوة", "ar"),
        ("naïve café", "c"),
        ("snake_case_name", "s"),
        ("x@example.org", "m"),
    ],
)
def test_lexical_search_finds_words_of_any_script(store: MemoryStore, query: str, expected: str) -> None:
    put(
        store,
        record("t", "green tea at five"),
        record("z", "我 喜欢 喝 绿茶"),
        record("ar", "أحب القهوة"),
        record("c", "a naïve café"),
        record("s", "call snake_case_name twice"),
        record("m", "write to x@example.org"),
    )
    assert store.lexical(ANA, query, Filter(), limit=1)[0].candidate.id == expected


@pytest.mark.promise("literal-text")
@pytest.mark.parametrize(
    "query", ['"tea"', "tea AND (", "tea*", "lexical:tea", "tea~2 -milk", "'tea'", "te\\a tea", "tea^9", "AND", "%"]
)
def test_a_query_is_words_and_no_language(store: MemoryStore, query: str) -> None:
    put(store, record("t", "tea AND milk"))
    found = store.lexical(ANA, query, Filter(), limit=5)
    assert [m.candidate.id for m in found] == ([] if query == "%" else ["t"])


def test_filters_hold_before_the_limit_is_counted(store: MemoryStore) -> None:
    near = [record(f"n{n}", "tea", category="event") for n in range(30)]
    put(store, *near, record("far", "tea and more words here", category="skill"), vectors=UNITS[[0] * 30 + [1]])
    skill = Filter(category="skill")
    assert [m.candidate.id for m in store.dense(ANA, UNITS[:1], skill, limit=1)[0]] == ["far"]
    assert [m.candidate.id for m in store.lexical(ANA, "tea", skill, limit=1)] == ["far"]


def test_episodes_that_facts_rest_on_can_be_left_out(store: MemoryStore) -> None:
    episodes = [record(name, kind=Kind.EPISODE) for name in ("a", "b", "c")]
    put(store, *episodes, record("f", source_ids=("a",)), record("b2", source_ids=("gone", "b")))
    assert sorted(ids(store.find(ANA, Filter(unclaimed=True)))) == ["b2", "c", "f"]
    assert store.count(ANA, Filter(unclaimed=True, kind=Kind.EPISODE)) == 1


def test_rows_about_an_entity_are_the_facts_that_name_it_and_the_words_they_rest_on(store: MemoryStore) -> None:
    works = Relation(subject="Robert Tanaka", predicate="works_at", object="Acme")
    alias = Relation(subject="Robert Tanaka", predicate="Also Known As", object="Bob")
    put(
        store,
        *(record(name, kind=Kind.EPISODE) for name in ("e1", "e2", "e3")),
        record("named", entities=("Acme",), source_ids=("e1", "named")),
        record("edge", relations=(works,), source_ids=("gone",)),
        record("alias", relations=(alias,)),
        record("like", entities=("Acme Ltd", "Bobby"), source_ids=("e2",)),
        record("suspect", entities=("ACME",), source_ids=("e3",), state=State.SUSPECT),
    )
    assert sorted(ids(store.find(ANA, Filter(entity=" acme")))) == ["e1", "edge", "named", "suspect"]
    assert sorted(ids(store.find(ANA, Filter(entity="Acme", unclaimed=True, kind=Kind.EPISODE)))) == []
    assert sorted(ids(store.find(ANA, Filter(entity="BOB")))) == ["alias", "edge"]
    assert store.count(ANA, Filter(entity="Acme", kind=Kind.EPISODE)) == 1
    assert store.count(ANA, Filter(entity="Rob")) == 0
    assert {m.candidate.id for m in store.lexical(ANA, "memory", Filter(entity="bob"), limit=9)} == {"alias", "edge"}
    assert {m.candidate.id for m in store.dense(ANA, UNITS[:1], Filter(entity="bob"), limit=9)[0]} == {"alias", "edge"}


def test_a_version_is_about_what_it_says_itself(store: MemoryStore) -> None:
    old = record("m", entities=("Acme",), valid_to=NOON + DAY)
    put(store, old, record("m", version=2, entities=("Globex",), valid_from=NOON + DAY))
    assert [r.version for r in store.find(ANA, Filter(entity="Acme"))] == [1]
    assert store.find(ANA, Filter(entity="Acme", as_of=NOON)) == [old]
    assert store.find(ANA, Filter(entity="Globex", as_of=NOON)) == []


@pytest.mark.promise("isolation")
def test_a_fact_that_is_not_seen_says_nothing_about_an_entity(store: MemoryStore) -> None:
    alias = Relation(subject="Ana", predicate="also_known_as", object="Annie")
    put(
        store,
        record("said", kind=Kind.EPISODE),
        record("seen", entities=("Annie",)),
        record("elsewhere", scope=Scope.SESSION, session_id="s", relations=(alias,), source_ids=("said",)),
        record("expired", relations=(alias,), source_ids=("said",), expires_at=NOON),
    )
    user = Visibility(scopes=frozenset({Scope.USER}))
    session = Visibility(scopes=frozenset({Scope.USER, Scope.SESSION}), session_id="s")
    for alive in ({"alive_at": NOON}, {"current_at": NOON}):
        assert store.find(ANA, Filter(entity="Ana", visible=user, **alive)) == []  # type: ignore[arg-type]  # one or the other
        found = store.find(ANA, Filter(entity="Ana", visible=session, **alive))  # type: ignore[arg-type]  # the same
        assert sorted(ids(found)) == ["elsewhere", "said", "seen"]


def test_single_versions_can_be_erased(store: MemoryStore) -> None:
    put(store, record("m"), record("m", version=2), record("n"), record("n", version=2))
    erase(store, ANA, "n", versions=(("m", 1), ("m", 7), ("unknown", 1)))
    assert [r.key for r in store.find(ANA, Filter())] == [("m", 2)]


def test_a_version_that_exists_is_never_overwritten(store: MemoryStore) -> None:
    put(store, record("m", "first"), record("m", "second", version=2))
    with store.exclusive(ANA), pytest.raises(StoreError, match="version 2 of m exists already"):
        store.write(ANA, inserted=[record("m", "third", version=2)], vectors=UNITS[:1], replaced=[record("m", "first")])
    assert {r.text for r in store.find(ANA, Filter())} == {"first", "second"}


@pytest.mark.promise("erasure")
def test_every_version_of_what_is_erased_is_gone_and_the_rest_stays(store: MemoryStore) -> None:
    put(store, record("m"), record("m", version=2), record("stays", "tea"))
    erase(store, ANA, "m", "unknown", "' OR true --")
    assert ids(store.find(ANA, Filter())) == ["stays"]
    assert [m.candidate.id for m in store.lexical(ANA, "tea memory", Filter(), limit=9)] == ["stays"]
    put(store, record("new", "tea too"))
    assert len(store.lexical(ANA, "tea", Filter(), limit=9)) == 2


def test_an_owner_can_be_erased_and_begin_anew(store: MemoryStore) -> None:
    put(store, record("a"))
    put(store, record("b"), owner=BEN)
    erase_all(store, ANA)
    assert store.count(ANA, Filter()) == 0
    assert store.count(BEN, Filter()) == 1
    put(store, record("again"))
    assert ids(store.find(ANA, Filter())) == ["again"]


def test_owners_are_found_by_the_prefix_of_their_ids(store: MemoryStore) -> None:
    put(store, record("a"))
    put(store, record("b"), owner=BEN)
    assert store.owners(prefix=ANA.prefix) == [ANA]
    assert store.owners(prefix="000000") == []
    assert sorted(owner.name for owner in store.owners()) == ["ana", "ben"]


@pytest.mark.promise("literal-text")
@pytest.mark.parametrize(
    "name", ["' OR '1'='1", "../../etc/passwd", "a/b\\c", "名前", "*", "%", "; DROP TABLE x", "a\x00b"]
)
def test_an_id_is_never_hostile(store: MemoryStore, name: str) -> None:
    hostile = Owner(tenant=name, scope=Scope.USER, name=name)
    put(store, record("mine", user_id=name, session_id=name), owner=hostile)
    put(store, record("other"))
    where = Filter(visible=Visibility(scopes=frozenset({Scope.USER})), session_id=name)
    assert ids(store.find(hostile, where)) == ["mine"]
    assert store.owners(prefix=hostile.prefix) == [hostile]
    assert ids(store.find(ANA, Filter())) == ["other"]


def test_the_lock_lets_one_thread_in_at_a_time_and_the_same_thread_again(store: MemoryStore) -> None:
    inside = threading.Event()
    order: list[str] = []

    def second() -> None:
        inside.wait(10)
        with store.exclusive(ANA):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with store.exclusive(ANA), store.exclusive(ANA):
        inside.set()
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_threads_that_read_then_write_under_the_lock_lose_no_update(store: MemoryStore) -> None:
    put(store, record("counter", turn=0))

    def count() -> None:
        for _ in range(5):
            with store.exclusive(ANA):
                now = store.find(ANA, Filter(ids=("counter",)))[0]
                store.write(ANA, inserted=(), vectors=UNITS[:0], replaced=[replace(now, turn=now.turn + 1)])

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.find(ANA, Filter())[0].turn == 20


def test_a_kind_of_row_can_be_asked_for(store: MemoryStore) -> None:
    put(store, record("f"), record("e", kind=Kind.EPISODE))
    assert ids(store.find(ANA, Filter(kind=Kind.EPISODE))) == ["e"]
