"""What must be in a data folder after what its workers said, and what is there instead.

Everything that was acknowledged is written down; what was only intended when the worker was killed must have happened
wholly or not at all, and from then on counts as what it was found to be.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from durable import LOG, MODELS, NOTED, OWNER, USER, HashEmbedder, Row, text_of, words_of
from sayings import FACT, Saying, Wording, read, worded
from traces import Wanted, traces

from scrubjay import Memory
from scrubjay.erasures import Erasure
from scrubjay.journeys import maintaining
from scrubjay.types import Filter, Kind, MemoryRecord, State

_SEARCHED = 6
_REMEMBERED = 400  # words of what is gone that are looked for again later
BEGUN, NOT_BEGUN, DONE = "begun", "not begun", "done"


@dataclass
class Ledger:
    """The memories of one folder: what each one's versions say, and what is gone.

    `along`: what a fact takes with it when it is forgotten, and what takes it. `in_doubt`: what a killed worker was
    forgetting and is still there; `unfinished`: the erasure that the kill has left to others. `astray`: memories that
    have no current version or whose versions are no line, which was told already.
    """

    versions: dict[str, list[Wording]] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    expiring: set[str] = field(default_factory=set)
    episodes: set[str] = field(default_factory=set)
    gone: dict[str, list[str]] = field(default_factory=dict)
    along: dict[str, str] = field(default_factory=dict)
    in_doubt: list[str] = field(default_factory=list)
    unfinished: Erasure | None = None
    astray: set[str] = field(default_factory=set)

    def done(self, intent: dict[str, Any], result: dict[str, Any]) -> None:
        """Write down what was acknowledged."""
        match intent["do"]:
            case "add":
                self.add(result["ids"], read(intent["said"]))
                self.expiring |= set(result["ids"]) if "expires_at" in intent else set()
            case "change":
                versions, text = self.versions[intent["id"]], text_of(intent["word"])
                superseded = intent["how"] == "supersede"
                versions.append(Saying(intent["word"]).wording if superseded else versions[-1].corrected(text))
                self.words[intent["id"]].append(intent["word"])
            case "forget":
                self.forget(intent["ids"])

    def add(self, ids: Iterable[str], sayings: Iterable[Saying]) -> None:
        """Write down what was told at once."""
        id_by_word: dict[str, str] = {}
        for memory_id, saying in zip(ids, sayings, strict=True):
            id_by_word[saying.word] = memory_id
            self.versions[memory_id], self.words[memory_id] = [saying.wording], [saying.word]
            self.episodes |= {memory_id} if saying.kind != FACT else set()
            if saying.source:
                self.lean(memory_id, id_by_word[saying.source])

    def lean(self, fact: str, source: str) -> None:
        """Write down that a fact rests on a message alone: one takes the other along."""
        self.along |= {source: fact, fact: source}

    def with_dependants(self, ids: Iterable[str]) -> list[str]:
        """Return these and what goes with them."""
        return list(dict.fromkeys(each for i in ids for each in (i, self.along.get(i, i))))

    def accept(self, memory_id: str, rows: list[MemoryRecord]) -> None:
        """Take what is there for what must be there, when what is wrong has been told."""
        self.versions[memory_id] = [worded(record) for record in rows]
        self.words.setdefault(memory_id, self.gone.pop(memory_id, []))
        if not rows:
            del self.versions[memory_id], self.words[memory_id]

    def forget(self, ids: Iterable[str]) -> None:
        """Write down that these are gone."""
        for memory_id in self.with_dependants(ids):
            if memory_id in self.versions:
                del self.versions[memory_id]
                self.gone[memory_id] = self.words.pop(memory_id)
                self.expiring.discard(memory_id)
                self.episodes.discard(memory_id)

    def only(self, ids: Iterable[str]) -> "Ledger":
        """Return what is written down of these, apart from this ledger."""
        kept = {memory_id: self.versions[memory_id] for memory_id in ids if memory_id in self.versions}
        return Ledger(versions=kept, words=dict(self.words), expiring=self.expiring, gone=dict(self.gone))


def settle(memory: Memory, ledger: Ledger, said: list[dict[str, Any]]) -> Row:
    """Compare what a killed worker said with what is there, and write down what became of its last intention."""
    row = Row("", trials=1, more={"inside": 0, BEGUN: 0, NOT_BEGUN: 0})
    store = memory.engine.store
    ledger.unfinished = store.unfinished(OWNER)
    row.more[BEGUN] = int(ledger.unfinished is not None)
    acknowledged, told, intent = _written_down(ledger, said)
    row.acknowledged = sum("done" in line for line in said)
    row.more["inside"] = int(intent is not None)
    by_id = grouped(store.find(OWNER, Filter()))
    if intent is not None and intent["do"] == "forget":
        _doubt(memory, ledger, intent["ids"], by_id, row)
    elif intent is not None:
        adopt(ledger, intent, by_id, row)
    for each in [*told, *([intent] if intent and intent["do"] == "say" else [])]:
        by_id = _read_for_facts(memory, ledger, each, row, is_acknowledged=each is not intent)
    compare(ledger, by_id, row)
    for memory_id in acknowledged[-_SEARCHED:]:
        if not _is_found(memory, ledger, memory_id):
            row.count("lost", f"{memory_id} is not found by its own words")
    return row


def _written_down(
    ledger: Ledger, said: list[dict[str, Any]]
) -> tuple[list[str], list[dict[str, Any]], dict[str, Any] | None]:
    """Write down what was acknowledged; return its ids, what was said to be read, and what was only intended."""
    intent: dict[str, Any] | None = None
    acknowledged: list[str] = []
    told: list[dict[str, Any]] = []
    for line in said:
        if "intent" in line:
            intent = line["intent"]
        elif "done" in line and intent is not None:
            ledger.done(intent, line["done"])
            acknowledged += line["done"].get("ids", [])
            told += [intent] if intent["do"] == "say" else []
            intent = None
    return acknowledged, told, intent


def grouped(rows: Iterable[MemoryRecord]) -> dict[str, list[MemoryRecord]]:
    """Return rows by id, oldest version first."""
    by_id: dict[str, list[MemoryRecord]] = {}
    for row in sorted(rows, key=lambda row: row.version):
        by_id.setdefault(row.id, []).append(row)
    return by_id


def adopt(ledger: Ledger, intent: dict[str, Any], by_id: dict[str, list[MemoryRecord]], row: Row) -> None:
    """Write down what an unacknowledged intention has come to; it counts as torn if that is neither all nor nothing."""
    match intent["do"]:
        case "add":
            texts = [saying.wording.text for saying in read(intent["said"])]
            found = {rows[0].text: rows[0].id for rows in by_id.values() if rows[0].text in set(texts)}
            if len(found) == len(texts):
                ledger.done(intent, {"ids": [found[text] for text in texts]})
            elif found:
                row.count("torn", f"{len(found)} of {len(texts)} were added")
        case "change":
            if len(by_id.get(intent["id"], [])) > len(ledger.versions[intent["id"]]):
                ledger.done(intent, {})


def stage_of(memory: Memory, ids: Iterable[str]) -> str:
    """Return how far a killed erasure of these has come, by its log: done says that others may not be asked for it."""
    if memory.engine.store.unfinished(OWNER) is not None:
        return BEGUN
    return DONE if set(ids) & memory.engine.store.forgotten(OWNER.digest).ids else NOT_BEGUN


def _doubt(memory: Memory, ledger: Ledger, ids: list[str], by_id: dict[str, list[MemoryRecord]], row: Row) -> None:
    """Write down what a killed forget has come to; what is still there is judged when others have finished it."""
    stage = stage_of(memory, ids)
    row.more[NOT_BEGUN] = int(stage == NOT_BEGUN)
    ids = ledger.with_dependants(ids)
    left = [memory_id for memory_id in ids if memory_id in by_id]
    if 0 < len(left) < len(ids):
        row.count("torn", f"{len(left)} of {len(ids)} are still there, {stage}")
    if stage == DONE:
        ledger.forget(ids)  # what is there all the same is counted as a trace
    elif stage == BEGUN:
        ledger.forget(set(ids) - set(left))
        ledger.in_doubt = left


def compare(ledger: Ledger, by_id: dict[str, list[MemoryRecord]], row: Row) -> None:
    """Count what is missing, double or different, each once: from then on it counts as it is."""
    for memory_id, told in list(ledger.versions.items()):
        rows = by_id.get(memory_id, [])
        if memory_id in ledger.expiring and not rows:
            continue
        astray = [] if memory_id in ledger.astray else [*_astray(rows)]
        ledger.astray |= {memory_id} if astray else set()
        wrong = [*_wrong(rows, told), *astray]
        for column, what in wrong:
            row.count(column, f"{memory_id} {what}")
        if wrong:
            ledger.accept(memory_id, rows)
    for memory_id in by_id.keys() - ledger.versions.keys():
        text = by_id[memory_id][0].text
        if memory_id in ledger.gone:
            row.count("traces_left", f"{memory_id} {text!r} was forgotten and is there")
        else:
            row.count("duplicated", f"{memory_id} {text!r} is there and was not said, or twice")
        ledger.accept(memory_id, by_id[memory_id])


def _wrong(rows: list[MemoryRecord], told: list[Wording]) -> Iterator[tuple[str, str]]:
    """Give what is wrong with the versions of one memory, by column."""
    numbers = Counter(record.version for record in rows)
    for number in range(1, len(told) + 1):
        if number not in numbers:
            yield "lost", f"version {number} of {len(told)}, {told[number - 1].text!r}"
    for number, count in numbers.items():
        if count > 1 or number > len(told):
            yield "duplicated", f"version {number} is there {count} times; {len(told)} were acknowledged"
    for record in rows:
        if record.version <= len(told) and (fields := told[record.version - 1].differing(record)):
            yield "torn", f"version {record.version} differs in {fields}: {worded(record)}"


def _astray(rows: list[MemoryRecord]) -> Iterator[tuple[str, str]]:
    """Give what is wrong with how the versions of one memory follow each other, by column."""
    if rows and all(record.valid_to is not None for record in rows):
        yield "lost", f"all of its {len(rows)} versions are closed, and none has followed"
    if not _is_one_line(rows):
        yield "torn", f"the versions are no line: {[(r.version, str(r.valid_from), str(r.valid_to)) for r in rows]}"


def _is_one_line(rows: list[MemoryRecord]) -> bool:
    """Whether each version was closed before or when the next one began, and names no other memory as the next."""
    return all(
        older.valid_to is not None and older.valid_to <= newer.valid_from and not older.superseded_by
        for older, newer in pairwise(rows)
    )


def _is_found(memory: Memory, ledger: Ledger, memory_id: str) -> bool:
    if memory_id not in ledger.versions or memory_id in ledger.expiring:
        return True
    text = ledger.versions[memory_id][-1].text
    hits = memory.search(text, user_id=USER, limit=5)  # words and the fact that rests on them are one hit
    return any(memory_id == hit["id"] or memory_id in hit.get("source_ids", ()) for hit in hits)


def _read_for_facts(
    memory: Memory, ledger: Ledger, intent: dict[str, Any], row: Row, *, is_acknowledged: bool
) -> dict[str, list[MemoryRecord]]:
    """Read what is still pending, and count the facts of each message: one, exactly."""
    memory.extract()
    rows = memory.engine.store.find(OWNER, Filter())
    messages = {saying.wording.text: saying for saying in read(intent["said"])}
    spoken = {record.text: record for record in rows if record.kind is Kind.EPISODE}
    drawn = Counter(source for record in rows if record.kind is Kind.FACT for source in record.source_ids)
    there = [spoken[text] for text in messages if text in spoken]
    missing = len(messages) - len(there)
    if missing and (is_acknowledged or there):
        row.count("lost" if is_acknowledged else "torn", f"{missing} of {list(messages)}", missing)
    for record in there:
        if drawn[record.id] != 1 or record.state is not State.READY:
            column = "duplicated" if drawn[record.id] > 1 else "lost"
            row.count(column, f"{record.id} was read for {drawn[record.id]} facts and is {record.state}")
    for record in rows:
        saying = messages.get(record.text.removeprefix(NOTED))
        if record.id not in ledger.versions and saying is not None:
            _write_read(ledger, record, saying)
    return grouped(rows)


def _write_read(ledger: Ledger, record: MemoryRecord, saying: Saying) -> None:
    """Write down a message that was said, or the fact that was made of it."""
    is_spoken = record.kind is Kind.EPISODE
    ledger.versions[record.id] = [saying.wording if is_spoken else saying.wording.noted()]
    ledger.words[record.id] = [saying.word]
    ledger.episodes |= {record.id} if is_spoken else set()
    for source in record.source_ids:
        ledger.lean(record.id, source)


def tidied(memory: Memory, ledger: Ledger, folder: Path, row: Row) -> None:
    """Let what was interrupted be finished, and count what is left of everything that was forgotten by then."""
    maintaining.maintain(memory.engine)
    by_id = grouped(memory.engine.store.find(OWNER, Filter()))
    if memory.engine.store.unfinished(OWNER) is not None:
        row.count("unreadable", "an erasure is still unfinished after maintenance")
    begun = ledger.unfinished or Erasure()
    ledger.forget([memory_id for memory_id in ledger.expiring if memory_id not in by_id])
    ledger.forget([*ledger.in_doubt, *begun.ids])
    ledger.in_doubt, ledger.unfinished = [], None
    compare(ledger, by_id, row)
    recent = list(ledger.gone.items())[-_REMEMBERED:]
    kept = {word for listed in ledger.words.values() for word in listed}
    words = {part for _, listed in recent for word in listed if word not in kept for part in words_of(word)}
    if words:
        ids = {memory_id for memory_id, _ in recent}
        found = traces(folder, Wanted(words=frozenset(words | ids)), apart_from=[LOG])
        for trace in found:
            row.count("traces_left", f"{trace.what} in {trace.path.name} ({trace.seen})")


def check_vectors(memory: Memory, row: Row) -> None:
    """Count rows whose vector is of neither model, and tables of two."""
    models = set()
    for records, vectors in memory.engine.store.rows(OWNER)[1]:
        for record, vector in zip(records, vectors, strict=True):
            made_by = [m for m in MODELS if np.allclose(HashEmbedder(m).embed_query(record.text), vector, atol=1e-6)]
            models.update(made_by or ["neither model"])
    if len(models) > 1 or not models <= set(MODELS):
        row.count("torn", f"vectors are of {sorted(models)}")
