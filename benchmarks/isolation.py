"""Whether anybody ever gets at what is somebody else's, over many random operations of twenty people at once.

    python benchmarks/isolation.py [--operations N] [--seed S] [--json]

A real server in a process of its own, with MCP (both eras, both transports), REST and the page, and the engine in this
process over the same folder. The people of four tenants have the same names in each, and a word of their own in every
text. Every byte of every answer is looked at: how many hold the word of somebody else. In each round five people write
nothing while the others do; their searches, asked before and after, have to give the same scores to the last digit, and
so have the raw figures of dense and lexical search. The status is 1 if a foreign word was seen, a score has moved, an
answer was an error of the server's, or the server's log holds anybody's word.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from durable import Told, temporary
from figures import printed
from prying import QUERIES, WRITES, Doing, chosen, done
from strangers import Stranger, Wire, others_words, strangers

from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.searching import Question, search
from scrubjay.types import Filter, Owner, Scope
from scrubjay_server.tokens import Tokens

_AT_ONCE = 8
_PER_ROUND = 2_500
_WATCHING = 5
_FIRST_WORDS = 20
_PATIENCE_S = 30.0
_READERS_GRACE_S = 1.1  # for which old versions are kept
_URL = re.compile(r"http://[\d.]+:\d+")
_SERVER_ERROR = 500


@dataclass
class Seen:
    """What has come back so far. Thread-safe."""

    operations: Counter[str] = field(default_factory=Counter)
    scanned: Counter[str] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    own: int = 0
    scores: int = 0
    moved: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def note(self, name: str, who: Stranger, people: Sequence[Stranger], status: int, body: bytes) -> None:
        """Look at every byte of an answer."""
        found = [word.decode() for word in others_words(who, list(people)) if word in body]
        with self.guard:
            self.operations[name] += 1
            self.scanned[name] += len(body)
            self.own += who.word.encode() in body
            self.foreign += [f"{name}, {who.user_id} of {who.tenant}: {word}" for word in found]
            if status >= _SERVER_ERROR:
                self.failed.append(f"{name}: {status} {body[:300]!r}")


def run(operations: int, seed: int) -> Told:
    """Return what was done, and what was seen that should not have been."""
    randomness = random.Random(seed)
    people, seen = strangers(randomness), Seen()
    began = time.monotonic()
    with temporary() as folder, ExitStack() as open_:
        tokens = Tokens(folder / "tokens.json")
        for person in people:
            person.token, _ = tokens.create(tenant=person.tenant, user_id=person.user_id, scopes=person.rights)
        log: list[str] = []
        url = open_.enter_context(_serving(folder, log))
        memory = open_.enter_context(Memory(folder, embedder=FastembedEmbedder(), extractor="none", maintenance=False))
        _introduce(people, url, open_, memory.engine, randomness)
        left = operations
        while left > 0:
            _round(people, url, memory.engine, seen, randomness, min(left, _PER_ROUND))
            left -= _PER_ROUND
            print(f"{operations - max(left, 0):,} of {operations:,} operations", file=sys.stderr)
    return _told(people, seen, log, time.monotonic() - began)


def _introduce(people: list[Stranger], url: str, open_: ExitStack, engine: Engine, randomness: random.Random) -> None:
    """Have everybody begin their sessions, and say a few things."""
    wire = Wire(url)
    open_.callback(wire.close)
    for who in people:
        wire.begin_session(who)
        wire.begin_stream(who, url)
        wire.sign_in(who)
        assert who.stream is not None
        open_.callback(who.stream.close)
        doing = Doing(who=who, wire=wire, people=people, engine=engine, chance=randomness)
        said = [doing.saying() for _ in range(_FIRST_WORDS)]
        done("MCP add", doing)
        wire.send(who, "POST", "/api/v1/memories", {"facts": said})


def _round(
    people: list[Stranger], url: str, engine: Engine, seen: Seen, randomness: random.Random, operations: int
) -> None:
    """Let everybody do things, but for some who write nothing; nobody's scores of those may move."""
    watching = randomness.sample(people, _WATCHING)
    tenants = {who.tenant for who in watching}
    owners = {who.caller().owner_of(scope) for who in watching for scope in (Scope.USER, Scope.AGENT)}
    _settle(engine, owners)
    before = {who.word: _scores(engine, who) for who in watching}
    share, seeds = operations // _AT_ONCE, [randomness.random() for _ in range(_AT_ONCE)]
    counts = [share] * (_AT_ONCE - 1) + [operations - share * (_AT_ONCE - 1)]

    def work(seed: float, count: int) -> None:
        wire, chance = Wire(url), random.Random(seed)
        for _ in range(count):
            who = chance.choice(people)
            name = chosen(who, chance, may_write=who not in watching, may_teach=who.tenant not in tenants)
            doing = Doing(who=who, wire=wire, people=people, engine=engine, chance=chance)
            status, body = done(name, doing)
            seen.note(name, who, people, status, body)
        wire.close()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for each in [pool.submit(work, seed, count) for seed, count in zip(seeds, counts, strict=True)]:
            each.result()
    for who in watching:
        after = _scores(engine, who)
        seen.scores += len(after)
        seen.moved += [
            f"{who.user_id} of {who.tenant}: {what}" for what in after if after[what] != before[who.word][what]
        ]


def _scores(engine: Engine, who: Stranger) -> dict[str, str]:
    """Return everything that a person's searches are answered, each figure to its last digit."""
    told = {}
    owner = who.caller().owner_of(Scope.USER)
    for query in QUERIES:
        for scope in (None, Scope.USER):
            found = search(engine, who.caller(), Question(query=query, limit=20, scope=scope))
            told[f"{query} {scope}"] = repr([(hit.record.key, hit.score) for hit in found.hits])
        vector = engine.embedder.embed_query(query)[None, :]
        (near,) = engine.store.dense(owner, vector, Filter(), limit=50)
        told[f"{query} dense"] = repr([(match.candidate.key, match.score) for match in near])
        shared = engine.store.lexical(owner, query, Filter(), limit=50)
        told[f"{query} lexical"] = repr(sorted((match.candidate.key, match.score) for match in shared))
    return told


def _settle(engine: Engine, owners: Collection[Owner]) -> None:
    """Return when nothing is left to be done to these tables for what was written into them before.

    Words that are not in the index yet are counted in another way, so that tending to a table moves its own scores.
    """
    left, until = set(owners), time.monotonic() + _PATIENCE_S
    while left and time.monotonic() < until:
        left = {owner for owner in left if engine.store.maintain(owner)}
        time.sleep(_READERS_GRACE_S if left else 0)


@contextmanager
def _serving(folder: Path, log: list[str]) -> Iterator[str]:
    ours = {"SCRUBJAY_DATA_DIR": str(folder), "SCRUBJAY_EXTRACTOR": "none", "SCRUBJAY_RATE_PER_MINUTE": "10000000"}
    command = [sys.executable, "-m", "scrubjay_server", "serve", "--transport", "http", "--port", "0"]
    with subprocess.Popen(command, env={**os.environ, **ours}, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = _URL.search(process.stderr.readline())
        assert address
        ear = threading.Thread(target=lambda: log.extend(process.stderr or ()))
        ear.start()
        try:
            yield address[0]
        finally:
            process.terminate()
            process.wait(timeout=60)
            ear.join()


def _told(people: Sequence[Stranger], seen: Seen, log: Sequence[str], seconds: float) -> Told:
    words = {word for who in people for word in (who.word, who.lesson_word)}
    logged = [line for line in log if any(word in line for word in words)]
    total = seen.operations.total()
    rows: list[dict[str, Any]] = [
        {"operation": name, "times": count, "MB scanned": round(seen.scanned[name] / 1e6, 1)}
        for name, count in sorted(seen.operations.items())
    ]
    summary = {
        "people": len(people),
        "operations": total,
        "of them writes": sum(count for name, count in seen.operations.items() if name in WRITES),
        "answers scanned": total,
        "holding one's own words": seen.own,
        "foreign words": len(seen.foreign),
        "scores compared": seen.scores,
        "scores moved": len(seen.moved),
        "server errors": len(seen.failed),
        "words in the log": len(logged),
        "minutes": round(seconds / 60, 1),
    }
    broken = [*seen.foreign[:20], *seen.moved[:20], *seen.failed[:20], *logged[:20]]
    return Told({"operations": rows, "isolation": [{"what": what, "figure": n} for what, n in summary.items()]}, broken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told = run(options.operations, options.seed)
    if options.json:
        print(json.dumps({**told.tables, "broken": told.broken}, indent=2))
    else:
        for title, rows in told.tables.items():
            print(printed(title, rows))
        print("\n".join(["broken:", *told.broken] if told.broken else ["nobody got at anything of anybody else's"]))
    sys.exit(1 if told.broken else 0)


if __name__ == "__main__":
    main()
