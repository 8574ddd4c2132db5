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
from durable import NOTED, OWNER, USER, HashEmbedder, Row, words_of
from traces import Wanted, traces
from workers import MODELS

from scrubjay import Memory
from scrubjay.journeys import maintaining
from scrubjay.types import Filter, Kind, MemoryRecord, State

_SEARCHED = 6
_LOG = "erasures"  # holds the ids of what was forgotten, for good reason
_REMEMBERED = 400  # words of what is gone that are looked for again later


@dataclass
class Ledger:
    """The memories of one folder: the texts of each one's versions, and what is gone.

    `along`: what a fact takes with it when it is forgotten, and what takes it.
    """

    versions: dict[str, list[str]] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    expiring: set[str] = field(default_factory=set)
    episodes: set[str] = field(default_factory=set)
    gone: dict[str, list[str]] = field(default_factory=dict)
    along: dict[str, str] = field(default_factory=dict)
    in_doubt: list[str] = field(default_factory=list)

    def done(self, intent: dict[str, Any], result: dict[str, Any]) -> None:
        """Write down what was acknowledged."""
        match intent["do"]:
            case "add":
                for memory_id, text, word in zip(result["ids"], intent["texts"], intent["words"], strict=True):
                    self.versions[memory_id], self.words[memory_id] = [text], [word]
                    if "expires_at" in intent:
                        self.expiring.add(memory_id)
            case "change":
                self.versions[intent["id"]].append(intent["text"])
                self.words[intent["id"]] += intent["words"]
            case "forget":
                self.forget(intent["ids"])

    def with_dependants(self, ids: Iterable[str]) -> list[str]:
        """Return these and what goes with them."""
        return list(dict.fromkeys(each for i in ids for each in (i, self.along.get(i, i))))

    def accept(self, memory_id: str, rows: list[MemoryRecord]) -> None:
        """Take what is there for what must be there, when what is wrong has been told."""
        self.versions[memory_id] = [record.text for record in rows]
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


def settle(memory: Memory, ledger: Ledger, said: list[dict[str, Any]]) -> Row:
    """Compare what a killed worker said with what is there, and write down what became of its last intention."""
    row = Row("", trials=1)
    intent: dict[str, Any] | None = None
    acknowledged: list[str] = []
    told: list[dict[str, Any]] = []
    for line in said:
        if "intent" in line:
            intent = line["intent"]
        elif "done" in line and intent is not None:
            ledger.done(intent, line["done"])
            row.acknowledged += 1
            acknowledged += line["done"].get("ids", [])
            told += [intent] if intent["do"] == "say" else []
            intent = None
    rows = memory.engine.store.find(OWNER, Filter())
    by_id = grouped(rows)
    if intent is not None:
        adopt(ledger, intent, by_id, row)
    for each in [*told, *([intent] if intent and intent["do"] == "say" else [])]:
        by_id = _read_for_facts(memory, ledger, each, row, is_acknowledged=each is not intent)
    row.more["inside"] = int(intent is not None)
    compare(ledger, by_id, row)
    for memory_id in acknowledged[-_SEARCHED:]:
        if not _is_found(memory, ledger, memory_id):
            row.count("lost", f"{memory_id} is not found by its own words")
    return row


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
            found = {rows[0].text: rows[0].id for rows in by_id.values() if rows[0].text in set(intent["texts"])}
            if len(found) == len(intent["texts"]):
                ledger.done(intent, {"ids": [found[text] for text in intent["texts"]]})
            elif found:
                row.count("torn", f"{len(found)} of {len(intent['texts'])} were added")
        case "change":
            if len(by_id.get(intent["id"], [])) > len(ledger.versions[intent["id"]]):
                ledger.done(intent, {})
        case "forget":
            _adopt_forgetting(ledger, intent["ids"], by_id, row)


def _adopt_forgetting(ledger: Ledger, ids: list[str], by_id: dict[str, list[MemoryRecord]], row: Row) -> None:
    """The same for a forget; as long as the rows are there it is in doubt: it may have begun, and is finished later."""
    ids = ledger.with_dependants(ids)
    left = [memory_id for memory_id in ids if memory_id in by_id]
    ledger.in_doubt = left
    ledger.forget(set(ids) - set(left))
    if 0 < len(left) < len(ids):
        row.count("torn", f"{len(left)} of {len(ids)} were forgotten")


def compare(ledger: Ledger, by_id: dict[str, list[MemoryRecord]], row: Row) -> None:
    """Count what is missing, double or different, each once: from then on it counts as it is."""
    for memory_id, texts in list(ledger.versions.items()):
        rows = by_id.get(memory_id, [])
        if memory_id in ledger.expiring and not rows:
            continue
        wrong = [*_wrong(rows, texts, ledger)]
        for column, what in wrong:
            row.count(column, f"{memory_id} {what}")
        if wrong:
            ledger.accept(memory_id, rows)
    for memory_id in by_id.keys() - ledger.versions.keys():
        text = by_id[memory_id][0].text
        if memory_id in ledger.gone:
            row.count("bytes_left", f"{memory_id} {text!r} was forgotten and is there", len(text))
        else:
            row.count("duplicated", f"{memory_id} {text!r} is there and was not said, or twice")
        ledger.accept(memory_id, by_id[memory_id])


def _wrong(rows: list[MemoryRecord], texts: list[str], ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Give what is wrong with the versions of one memory, by column."""
    numbers = Counter(record.version for record in rows)
    for number in range(1, len(texts) + 1):
        if number not in numbers:
            yield "lost", f"version {number} of {len(texts)}, {texts[number - 1]!r}"
    for number, count in numbers.items():
        if count > 1 or number > len(texts):
            yield "duplicated", f"version {number} is there {count} times; {len(texts)} were acknowledged"
    for record in rows:
        if record.version <= len(texts) and record.text != texts[record.version - 1]:
            yield "torn", f"version {record.version} says {record.text!r}, not {texts[record.version - 1]!r}"
        if not _has_its_words(record, ledger):
            yield "torn", f"version {record.version} has metadata {record.metadata!r}"
    if not _is_one_line(rows):
        yield "torn", f"the versions are no line: {[(r.version, str(r.valid_from), str(r.valid_to)) for r in rows]}"


def _has_its_words(record: MemoryRecord, ledger: Ledger) -> bool:
    """Whether the other fields are those of the text, as far as they are still told."""
    word = next(iter(ledger.words[record.id]), "")
    return record.version > 1 or not record.metadata or record.metadata == {"place": f"{word}mx"}


def _is_one_line(rows: list[MemoryRecord]) -> bool:
    """Whether each version was closed before or when the next one began, and only the last one is open."""
    return all(older.valid_to is not None for older, _ in pairwise(rows)) and (not rows or rows[-1].valid_to is None)


def _is_found(memory: Memory, ledger: Ledger, memory_id: str) -> bool:
    if memory_id not in ledger.versions or memory_id in ledger.expiring:
        return True
    text = ledger.versions[memory_id][-1]
    hits = memory.search(text, user_id=USER, limit=5)
    return any(text == hit["memory"] for hit in hits)


def _read_for_facts(
    memory: Memory, ledger: Ledger, intent: dict[str, Any], row: Row, *, is_acknowledged: bool
) -> dict[str, list[MemoryRecord]]:
    """Read what is still pending, and count the facts of each message: one, exactly."""
    memory.extract()
    rows = memory.engine.store.find(OWNER, Filter())
    spoken = {record.text: record for record in rows if record.kind is Kind.EPISODE}
    drawn = Counter(source for record in rows if record.kind is Kind.FACT for source in record.source_ids)
    there = [spoken[text] for text in intent["texts"] if text in spoken]
    missing = len(intent["texts"]) - len(there)
    if missing and (is_acknowledged or there):
        row.count("lost" if is_acknowledged else "torn", f"{missing} of {intent['texts']}", missing)
    for record in there:
        if drawn[record.id] != 1 or record.state is not State.READY:
            column = "duplicated" if drawn[record.id] > 1 else "lost"
            row.count(column, f"{record.id} was read for {drawn[record.id]} facts and is {record.state}")
    word_by_text = dict(zip(intent["texts"], intent["words"], strict=True))
    for record in rows:
        if record.id not in ledger.versions and record.text.removeprefix(NOTED) in word_by_text:
            ledger.versions[record.id] = [record.text]
            ledger.words[record.id] = [word_by_text[record.text.removeprefix(NOTED)]]
            ledger.episodes |= {record.id} if record.kind is Kind.EPISODE else set()
            for source in record.source_ids:
                ledger.along |= {source: record.id, record.id: source}
    return grouped(rows)


def tidied(memory: Memory, ledger: Ledger, folder: Path, row: Row) -> None:
    """Let what was interrupted be finished, and count what is left of everything that was forgotten by then."""
    maintaining.maintain(memory.engine)
    by_id = grouped(memory.engine.store.find(OWNER, Filter()))
    ledger.forget([memory_id for memory_id in ledger.expiring if memory_id not in by_id])
    _adopt_forgetting(ledger, ledger.in_doubt, by_id, row)
    ledger.in_doubt = []
    compare(ledger, by_id, row)
    recent = list(ledger.gone.items())[-_REMEMBERED:]
    kept = {word for listed in ledger.words.values() for word in listed}
    words = {part for _, listed in recent for word in listed if word not in kept for part in words_of(word)}
    if words:
        ids = {memory_id for memory_id, _ in recent}
        found = traces(folder, Wanted(words=frozenset(words | ids)), apart_from=[_LOG])
        for trace in found:
            row.count("bytes_left", f"{trace.what} in {trace.path.name} ({trace.seen})", len(trace.what))


def check_vectors(memory: Memory, row: Row) -> None:
    """Count rows whose vector is of neither model, and tables of two."""
    models = set()
    for records, vectors in memory.engine.store.rows(OWNER)[1]:
        for record, vector in zip(records, vectors, strict=True):
            made_by = [m for m in MODELS if np.allclose(HashEmbedder(m).embed_query(record.text), vector, atol=1e-6)]
            models.update(made_by or ["neither model"])
    if len(models) > 1 or not models <= set(MODELS):
        row.count("torn", f"vectors are of {sorted(models)}")
