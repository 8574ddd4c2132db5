"""What is left of what was forgotten: after each erasure, every file is read raw, decoded, and as a dictionary."""

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb
from durable import (
    LOG,
    MODELS,
    OWNER,
    USER,
    HashEmbedder,
    Row,
    Told,
    fact_of,
    message_of,
    new_word,
    opened,
    temporary,
    total,
    words_of,
)
from kills import Worker
from lancedb.index import Bitmap, BTree
from ledger import BEGUN, DONE, NOT_BEGUN, stage_of
from traces import DECODED, DICTIONARY, RAW, Trace, Wanted, traces

from scrubjay import Memory
from scrubjay.journeys import forgetting
from scrubjay.types import Filter

SIZES = (300, 3_000, 50_000)
_KILLED = 10
_AT_ONCE = 500
_MESSAGES_PER = 5  # of so many rows one is something said, the others are facts
_LARGE = 20_000
_CHECKED_SECONDS = 600.0  # at most so long is spent on looking into a large table
_SAMPLED = 8  # vectors and digests: each costs a pass over every byte
_MANY = 200
_MOST_TRIES = 5  # for each erasure to be killed: some are done before the signal comes
_PIECE = slice(512, 544)  # of a vector: eight of its numbers


@dataclass
class Table:
    """A table that is forgotten from: its rows' words by id, and what is gone."""

    folder: Path
    memory: Memory
    randomness: random.Random
    size: int
    words: dict[str, str] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    checked_s: float = 0.0
    checked: int = 0
    unchecked: list["Victim"] = field(default_factory=list)


@dataclass(frozen=True)
class Victim:
    """What is going to be forgotten: its id, the beginning of its words, what its vector and digest are."""

    id: str
    word: str
    vector: bytes
    digest: bytes


def run(erasures: int, seed: int, *, sizes: Sequence[int] = SIZES, killed: int = _KILLED) -> Told:
    """Return a line for each size of table, and one for each with erasures that were killed in the middle."""
    randomness = random.Random(seed)
    whole, halved = [], []
    for size in sizes:
        with filled(size, randomness) as table:
            row = Row(f"{size:,} rows")
            row.broken += _blindness(table)
            for number in range(max(1, erasures // len(sizes))):
                _add_erasure(table, number, row)
            _look(table, row)
            row.more |= {"checked": table.checked, **_times(table)}
            whole.append(row)
            halved.append(_killed(table, killed))
    tables = {
        "forgotten": [row.shown() for row in whole],
        "killed in the middle, then maintained": [row.shown() for row in [*halved, total(halved)]],
    }
    return Told(tables, [f"{row.name}: {text}" for row in [*whole, *halved] for text in row.broken[:5]])


@contextmanager
def filled(size: int, randomness: random.Random) -> Iterator[Table]:
    """Give a table of so many rows with words of their own everywhere, all of them in its indexes."""
    with temporary() as folder, opened(folder) as memory:
        table = Table(folder, memory, randomness, size)
        top_up(table)
        memory.engine.store.maintain(OWNER)
        index_more(table)
        yield table


def top_up(table: Table) -> None:
    """Add as many rows as are missing."""
    while (missing := table.size - len(table.words)) > 0:
        words = [new_word(table.randomness) for _ in range(min(missing, _AT_ONCE))]
        said = words[::_MESSAGES_PER] if len(words) > 1 else []
        facts = [word for word in words if word not in set(said)]
        added: list[dict[str, Any]] = table.memory.add(facts=[fact_of(w) for w in facts], user_id=USER)["results"]
        if said:
            messages = [message_of(word, is_short=number % 2 == 1) for number, word in enumerate(said)]
            session = f"s{len(table.words)}"
            told = table.memory.add(messages, user_id=USER, run_id=session, scope="user", infer=False)
            added = [*added, *told["results"]]
        table.words |= {outcome["id"]: word for outcome, word in zip(added, [*facts, *said], strict=True)}


def index_more(table: Table) -> None:
    """Make indexes that hold words themselves, beside the store's own: whatever there is must be gone as well."""
    database = lancedb.connect(str(table.folder / "memories"), read_consistency_interval=timedelta(0))
    with table.memory.engine.store.exclusive(OWNER):
        rows = database.open_table(OWNER.digest)
        rows.create_index("text", config=BTree(), replace=True)
        rows.create_index("name", config=BTree(), replace=True)
        rows.create_index("state", config=Bitmap(), replace=True)


def victims(table: Table, ids: Sequence[str]) -> list[Victim]:
    """Return what is to be looked for when these are forgotten."""
    records = {record.id: record for record in table.memory.engine.store.find(OWNER, Filter(ids=tuple(ids)))}
    embed = HashEmbedder().embed_query
    return [
        Victim(i, table.words[i], embed(records[i].text).tobytes()[_PIECE], records[i].digest.encode()) for i in ids
    ]


def wanted(gone: Sequence[Victim]) -> Wanted:
    """Return all words and ids of what is gone, and the vectors and digests of some."""
    words = {word for each in gone for word in (*words_of(each.word), each.id)}
    some = gone[:: max(1, len(gone) // _SAMPLED)]
    pieces = {f"vector of {each.word}": each.vector for each in some}
    return Wanted(frozenset(words), pieces | {f"digest of {each.word}": each.digest for each in some})


def _blindness(table: Table) -> list[str]:
    """Say what the detector cannot see while it is there: then it could not see it afterwards either."""
    facts = [memory_id for memory_id, word in table.words.items()]
    (one,) = victims(table, [table.randomness.choice(facts)])
    found = traces(table.folder, wanted([one]), apart_from=[LOG])
    text, vector = f"{one.word}tx", f"vector of {one.word}"
    seen = [
        ("a word decoded in a data file", _is_seen(found, text, DECODED, "data")),
        ("a word in the dictionary", _is_seen(found, text, DICTIONARY, "_indices")),
        ("a word in an index of texts", _is_seen(found, text, DECODED, "_indices")),
        ("a vector in a data file", _is_seen(found, vector, DECODED, "data") and _is_seen(found, vector, RAW, "data")),
        ("a digest in a data file", _is_seen(found, f"digest of {one.word}", DECODED, "data")),
        ("an id in a data file", _is_seen(found, one.id, DECODED, "data")),
    ]
    return [f"the detector does not find {what} while it is there" for what, is_there in seen if not is_there]


def _is_seen(found: Sequence[Trace], what: str, seen: str, place: str) -> bool:
    return any(trace.what == what and trace.seen == seen and place in trace.path.parts for trace in found)


def _add_erasure(table: Table, number: int, row: Row) -> None:
    """Forget some rows, look for them, and put others in their place."""
    row.trials += 1
    most = min(_MANY, table.size // 4)
    some = (1, table.randomness.randint(2, 20), table.randomness.randint(20, max(21, most)))[number % 3]
    gone = victims(table, table.randomness.sample(sorted(table.words), min(some, most)))
    began = time.perf_counter()
    receipt = forgetting.forget(table.memory.engine, None, [each.id for each in gone])
    table.took_s.append(time.perf_counter() - began)
    row.acknowledged += len(receipt.forgotten)
    for each in gone:
        del table.words[each.id]
    table.unchecked += gone
    if table.size <= _LARGE or table.checked_s < _CHECKED_SECONDS or number % 10 == 0:
        _look(table, row)
    top_up(table)
    if number % 4 == 3:
        table.memory.engine.store.maintain(OWNER)
    if table.size <= _LARGE or number % 10 == 0:
        index_more(table)


def _look(table: Table, row: Row) -> None:
    """Look for everything that was forgotten since the last time."""
    began = time.perf_counter()
    if table.unchecked:
        _count_left(table, table.unchecked, row)
        table.unchecked = []
        table.checked += 1
    table.checked_s += time.perf_counter() - began


def _count_left(table: Table, gone: Sequence[Victim], row: Row) -> None:
    for trace in traces(table.folder, wanted(gone), apart_from=[LOG]):
        row.count("traces_left", f"{trace.what} in {trace.path.name} ({trace.seen})")
    rows = table.memory.engine.store.count(OWNER, Filter())
    if rows != len(table.words):
        row.count("lost", f"{len(table.words)} rows must be there, {rows} are", abs(len(table.words) - rows))


def _times(table: Table) -> dict[str, Any]:
    took_ms = sorted(1_000 * each for each in table.took_s)
    p95 = took_ms[min(len(took_ms) - 1, int(0.95 * len(took_ms)))]
    return {"p50 ms": round(statistics.median(took_ms), 1), "p95 ms": round(p95, 1)}


def _killed(table: Table, times: int) -> Row:
    """Kill so many processes while they forget; whoever comes next finishes it, or finds all of it as it was."""
    row = Row(f"{table.size:,} rows", more={BEGUN: 0, NOT_BEGUN: 0, DONE: 0})
    longest_s = 0.3 + 1.2 * statistics.median(table.took_s)  # a new process takes longer than one that has the table
    for _ in range(_MOST_TRIES * times):
        if row.trials < times:
            _killed_once(table, table.randomness.uniform(0, longest_s), row)
    return row


def _killed_once(table: Table, after_s: float, row: Row) -> None:
    """Kill a process that forgets one; it is no trial when that had been acknowledged by then."""
    top_up(table)
    one = victims(table, table.randomness.sample(sorted(table.words), 1))[0]
    store = table.memory.engine.store
    before = store.find(OWNER, Filter(ids=(one.id,)))
    said = _interrupted(table, one, after_s)
    is_acknowledged = any("done" in line for line in said)
    row.acknowledged += is_acknowledged
    row.trials += not is_acknowledged
    stage = stage_of(table.memory, [one.id])
    row.more[stage] += not is_acknowledged
    try:
        _finish(table)
        if store.unfinished(OWNER) is not None:
            row.count("unreadable", f"the erasure of {one.id} is still unfinished after maintenance")
        if is_acknowledged or stage != NOT_BEGUN:
            _count_gone(table, one, row, stage)
        elif store.find(OWNER, Filter(ids=(one.id,))) != before:
            row.count("torn", f"the erasure of {one.id} was not begun, and it is not as it was")
    except Exception as error:  # noqa: BLE001 - whatever it is, the promise is that the next process can finish
        row.count("unreadable", f"{type(error).__name__}: {error}"[:300])


def _interrupted(table: Table, one: Victim, after_s: float) -> list[dict[str, Any]]:
    worker = Worker()
    try:
        worker.begin(_job(table, "forget once", [one.id]))
        return worker.killed_after(after_s)[0]
    finally:
        worker.close()


def _finish(table: Table) -> None:
    worker = Worker()
    try:
        worker.begin(_job(table, "finish", []))
        worker.finished()
    finally:
        worker.close()


def _job(table: Table, kind: str, ids: list[str]) -> dict[str, Any]:
    return {
        "folder": str(table.folder),
        "kind": kind,
        "seed": table.randomness.getrandbits(63),
        "ids": ids,
        "sessions": {},
        "model": MODELS[0],
    }


def _count_gone(table: Table, one: Victim, row: Row, stage: str) -> None:
    """Count what is left of an erasure that was begun."""
    if table.memory.engine.store.find(OWNER, Filter(ids=(one.id,))):
        row.count("traces_left", f"the erasure of {one.id} was {stage}, and it is there after maintenance")
        return
    del table.words[one.id]
    _count_left(table, [one], row)
