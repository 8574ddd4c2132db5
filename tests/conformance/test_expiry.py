"""What has expired is erased like what was forgotten, and nothing that is alive goes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from clock import Clock
from engines import ByLength, by_id, engine_over, fact, memory_id, said
from folders import holding, ids, opened, put
from records import ANA, BEN, NOON, record
from scrubjay.journeys.adding import Addition, add
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.maintaining import maintain
from scrubjay.journeys.updating import update
from scrubjay.ports import MemoryStore, Work
from scrubjay.stores.in_memory import InMemoryStore
from scrubjay.types import Caller, FactDraft, Filter, Message, Scope

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture(params=["in_memory", "lancedb"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Engine]:
    in_memory = request.param == "in_memory"
    store: MemoryStore = InMemoryStore() if in_memory else opened(tmp_path, embedding=ByLength().signature)
    names = iter("bcdefghijk")
    yield replace(engine_over(store, clock.now), new_token=lambda: next(names) * 10)
    store.close()


def expired(engine: Engine, at: datetime) -> bool:
    return ANA in engine.store.owners_with(Work.EXPIRED, now=at)


@pytest.mark.promise("erasure")
@pytest.mark.promise("expiry")
@pytest.mark.promise("sessions")
def test_a_sessions_memories_go_a_day_later_and_the_persons_stay(engine: Engine, clock: Clock, tmp_path: Path) -> None:
    caller = Caller(user_id=ANA.name, session_id="s")
    add(engine, caller, Addition(messages=[Message(content="I saw a kingfisher today")], scope=Scope.SESSION))
    stays = add(engine, caller, Addition(facts=[FactDraft(text="Ana likes birds")])).outcomes[0].record
    clock.forward(23 * HOUR)
    assert maintain(engine) == 0
    assert engine.store.count(ANA, Filter()) == 2
    clock.forward(HOUR)
    assert maintain(engine) == 1
    assert [row.id for row in engine.store.find(ANA, Filter())] == [stays.id]
    assert holding(tmp_path, "kingfisher") == []
    assert not expired(engine, NOON + 900 * DAY)
    assert maintain(engine) == 0


@pytest.mark.promise("expiry")
def test_a_fact_that_expires_takes_its_words_along_and_no_other_fact(engine: Engine, clock: Clock) -> None:
    other = fact("other", "said", "later", evidence=("bought a bicycle",))
    put(
        engine.store,
        said("said", "I am in Porto this week and bought a bicycle"),
        said("later", "The bicycle is red"),
        replace(fact("porto", "said", evidence=("in Porto this week",)), expires_at=NOON + DAY),
        other,
        replace(fact("next"), expires_at=NOON + 2 * DAY),
    )
    clock.forward(DAY)
    assert maintain(engine) == 1
    left = engine.store.find(ANA, Filter())
    assert [row.id for row in by_id(left)] == sorted(map(memory_id, ("later", "other", "next")))
    assert next(row for row in left if row.id == other.id).source_ids == (memory_id("later"),)
    assert engine.store.forgotten(ANA.digest).ids == {memory_id("said"), memory_id("porto")}
    assert not expired(engine, clock.now())
    assert expired(engine, NOON + 2 * DAY)


@pytest.mark.promise("expiry")
def test_of_a_memory_that_lives_only_the_versions_that_expired_go(engine: Engine, clock: Clock) -> None:
    first = record(memory_id("m"), "Ana is in Porto", valid_to=NOON + HOUR, expires_at=NOON + DAY)
    second = record(memory_id("m"), "Ana lives in Porto", version=2, valid_from=NOON + HOUR)
    put(engine.store, first, second)
    clock.forward(DAY)
    assert maintain(engine) == 1
    assert engine.store.find(ANA, Filter()) == [second]
    assert engine.store.forgotten(ANA.digest).ids == frozenset()
    assert not expired(engine, NOON + 900 * DAY)


@pytest.mark.promise("expiry")
def test_a_memory_whose_newest_version_expired_goes_as_a_whole(engine: Engine, clock: Clock) -> None:
    first = record(memory_id("m"), "Ana lives in Porto", valid_to=NOON + HOUR)
    second = record(memory_id("m"), "Ana is in Rome", version=2, valid_from=NOON + HOUR, expires_at=NOON + DAY)
    put(engine.store, first, second, record(memory_id("n")))
    clock.forward(DAY)
    maintain(engine)
    assert [row.id for row in engine.store.find(ANA, Filter())] == [memory_id("n")]


@pytest.mark.promise("expiry")
def test_a_correction_of_an_expiring_memory_expires_with_it(engine: Engine, clock: Clock, tmp_path: Path) -> None:
    draft = FactDraft(text="Ana is in Porto", expires_at=NOON + DAY)
    known = add(engine, Caller(user_id=ANA.name), Addition(facts=[draft])).outcomes[0].record
    clock.forward(HOUR)
    new = update(engine, None, known.id, "Ana is in Lisbon").record
    assert new.expires_at == NOON + DAY
    clock.forward(23 * HOUR)
    assert maintain(engine) == 1
    assert engine.store.find(ANA, Filter()) == []
    assert holding(tmp_path, "Lisbon") == holding(tmp_path, "Porto") == []
    assert not expired(engine, NOON + 900 * DAY)


@pytest.mark.promise("expiry")
def test_an_earlier_end_that_comes_later_is_marked(engine: Engine) -> None:
    put(engine.store, record("late", expires_at=NOON + 2 * DAY))
    put(engine.store, record("early", expires_at=NOON + DAY))
    put(engine.store, record("later", expires_at=NOON + 3 * DAY))
    assert not expired(engine, NOON + DAY - HOUR)
    assert expired(engine, NOON + DAY)


@pytest.mark.promise("expiry")
def test_an_owner_who_fails_keeps_nobody_from_expiring(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = opened(tmp_path)
    put(store, record("a", expires_at=NOON))
    put(store, record("b", expires_at=NOON), record("stays"), owner=BEN)
    for path in (tmp_path / "memories" / f"{ANA.digest}.lance" / "data").iterdir():
        path.write_bytes(b"")
    again = opened(tmp_path)
    assert maintain(engine_over(again)) == 1
    assert ids(again, BEN) == ["stays"]
    assert any("damaged" in entry.getMessage() for entry in caplog.records)
    again.close()
    store.close()


@pytest.mark.parametrize("note", ["", "garbage", "²", "--5", "\0\0\0", "9" * 5_000])
def test_a_marker_that_cannot_be_read_is_looked_at_and_put_right(tmp_path: Path, note: str) -> None:
    store = opened(tmp_path)
    put(store, record("a", expires_at=NOON + DAY), record("b"))
    tmp_path.joinpath("expiring", ANA.digest).write_text(note)
    engine = engine_over(store)
    maintain(engine)
    assert ids(store) == ["a", "b"]
    if len(note) < 100:
        assert not expired(engine, NOON)
        assert expired(engine, NOON + DAY)
    store.close()
