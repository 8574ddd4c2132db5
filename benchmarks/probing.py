"""A process that looks into damaged folders, so that whatever happens there happens to nobody else.

    python benchmarks/probing.py                   a line of JSON in, `{"folder", "expected"}`: a line of outcomes out
    unshare -rm python benchmarks/probing.py full|readonly DIR       one line of outcomes, on a file system of its own
    python benchmarks/probing.py limited DIR                         the same where no file may grow

What cannot be tried here is told by a line with the reason. An outcome is `right`, `refused: …` (a StoreError),
`silent: …` (another answer, and no error) or `foreign: …`.
"""

import json
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from durable import USER, fact_of, new_word, opened, text_of

from scrubjay import Memory
from scrubjay.errors import ScrubjayError, StoreError

RIGHT, REFUSED, SILENT, FOREIGN = "right", "refused", "silent", "foreign"
_SPACE = "12m"
_SMALLEST_FILE = 200
_SEED = 1
_ROUNDS = 20
_ADDED = 12


def tried(action: Callable[[], str]) -> str:
    """Return what became of an action; it returns "" when all is as it must be, else what is not."""
    try:
        differs = action()
    except StoreError as error:
        return f"{REFUSED}: {error}"
    except ScrubjayError as error:
        return f"{SILENT}: {type(error).__name__}: {error}"
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception
        return f"{FOREIGN}: {type(error).__module__}.{type(error).__name__}: {error}"[:300]
    return f"{SILENT}: {differs}" if differs else RIGHT


def probed(folder: Path, expected: dict[str, str], *, first: str = "list") -> dict[str, str]:
    """Read, search, write and forget in a folder, one of them first; return the outcome of each."""
    memories: list[Memory] = []
    expected = dict(expected)

    def reopened() -> str:
        memories.append(opened(folder))
        return ""

    outcomes = {"open": tried(reopened)}
    if memories:
        memory = memories[0]
        actions = [*_reads(memory, expected), *_writes(memory, expected)]
        actions.sort(key=lambda action: not action[0].startswith(first))
        outcomes |= {name: tried(action) for name, action in actions}
        outcomes["close"] = tried(lambda: memory.close() or "")
    return outcomes


def _reads(memory: Memory, expected: dict[str, str]) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "list", lambda: _listed(memory, expected)
    for memory_id, text in list(expected.items())[1::17]:
        yield f"search {memory_id}", lambda text=text: _searched(memory, text)
        yield f"history {memory_id}", lambda i=memory_id, text=text: _told(memory, i, text)


def _writes(memory: Memory, expected: dict[str, str]) -> Iterator[tuple[str, Callable[[], str]]]:
    one = next(iter(expected))
    yield "add", lambda: _added(memory, new_word(random.Random("another")), expected)
    yield "forget", lambda: _forgotten(memory, one, expected)


def _listed(memory: Memory, expected: dict[str, str]) -> str:
    there = {one["id"]: one["memory"] for one in memory.get_all(user_id=USER, limit=1_000)["results"]}
    missing, wrong = expected.keys() - there.keys(), [i for i, t in there.items() if expected.get(i, t) != t]
    more = there.keys() - expected.keys()
    return (
        f"{len(missing)} missing, {len(more)} more, {len(wrong)} say something else" if missing or wrong or more else ""
    )


def _searched(memory: Memory, text: str) -> str:
    found = [hit["memory"] for hit in memory.search(text, user_id=USER)["results"]]
    return "" if text in found else f"{text!r} is not found by its own words"


def _told(memory: Memory, memory_id: str, text: str) -> str:
    last = memory.history(memory_id)[-1]["new_memory"]
    return "" if last == text else f"{memory_id} says {last!r}"


def _added(memory: Memory, word: str, expected: dict[str, str]) -> str:
    (outcome,) = memory.add(facts=[fact_of(word)], user_id=USER)["results"]
    expected[outcome["id"]] = text_of(word)
    return "" if memory.get(outcome["id"])["memory"] == text_of(word) else "what was added reads otherwise"


def _forgotten(memory: Memory, memory_id: str, expected: dict[str, str]) -> str:
    if memory.delete(memory_id)["forgotten"] != [memory_id]:
        return f"{memory_id} was not there to forget"
    del expected[memory_id]
    return ""


class NotTried(Exception):
    """What is to be tried is not possible here, and why."""


def why_not_mountable() -> str:
    """Return why this user may have no file systems of their own; "" if they may."""
    try:
        done = subprocess.run(["unshare", "-rm", "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "there is no unshare"
    return done.stderr.strip() or f"unshare ended with {done.returncode}" if done.returncode else ""


def full(folder: Path) -> list[dict[str, Any]]:
    """Do it on a small disk of its own, which is filled but for a little."""
    _mount("-t", "tmpfs", "-o", f"size={_SPACE}", "tmpfs", str(folder))
    return _again_and_again(folder, lambda leaving: _fill(folder / "filler", leaving=leaving))


def limited(folder: Path) -> list[dict[str, Any]]:
    """Do it where files may not grow, for want of a disk that may be filled."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    return _again_and_again(folder, _limit)


def _again_and_again(folder: Path, leave_room: Callable[[int], Callable[[], None]]) -> list[dict[str, Any]]:
    """Add and forget without room, again and again; with room again, all must be there that was acknowledged."""
    randomness = random.Random(_SEED)
    expected: dict[str, str] = {}
    told: list[dict[str, Any]] = []
    place = folder / "data"
    for number in range(_ROUNDS):
        try:
            told.append(_round(place, expected, randomness, leave_room))
        except StoreError as error:
            told.append({"room again": f"{REFUSED}: {error}"})
        if told[-1]["room again"] != RIGHT:  # the next round must not suffer for it
            place, expected = folder / f"data-{number}", {}
    return told


def _round(
    place: Path, expected: dict[str, str], randomness: random.Random, leave_room: Callable[[int], Callable[[], None]]
) -> dict[str, Any]:
    """Add and forget once without room; return the outcomes, and how many memories were looked for in the end."""
    with opened(place) as memory:
        facts = [fact_of(new_word(randomness)) for _ in range(_ADDED)]
        expected |= {one["id"]: one["memory"] for one in memory.add(facts=facts, user_id=USER)["results"]}
        one = randomness.choice(list(expected))
        make_room = leave_room(randomness.choice((0, randomness.randint(0, 500_000))))
        outcomes = _without_room(memory, expected, one, new_word(randomness))
        make_room()
    with opened(place) as memory:
        return outcomes | _with_room(memory, expected, one, outcomes) | {"memories": len(expected)}


def _without_room(memory: Memory, expected: dict[str, str], one: str, word: str) -> dict[str, str]:
    """Add and forget, and see whether everything else is there."""
    return {
        "add": tried(lambda: _added(memory, word, expected)),
        "forget": tried(lambda: _forgotten(memory, one, expected)),
        "full": tried(lambda: _listed_but(memory, expected, one)),
    }


def _with_room(memory: Memory, expected: dict[str, str], one: str, before: dict[str, str]) -> dict[str, str]:
    """Forget again what could not be forgotten, and see whether everything else is there."""
    told = {"forget again": RIGHT}
    if before["forget"] != RIGHT:
        told["forget again"] = tried(lambda: memory.delete(one) and "")
        del expected[one]
    return told | {
        "room again": tried(lambda: _listed(memory, expected)),
        "gone": tried(lambda: f"{one} is there" if one in _ids(memory) else ""),
    }


def _listed_but(memory: Memory, expected: dict[str, str], one: str) -> str:
    there = _ids(memory)
    missing = expected.keys() - there - {one}
    return f"{len(missing)} are missing" if missing else ""


def _ids(memory: Memory) -> set[str]:
    return {each["id"] for each in memory.get_all(user_id=USER, limit=1_000)["results"]}


def _mount(*arguments: str) -> None:
    """Mount something; raises NotTried."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotTried(done.stderr.strip() or f"mount ended with {done.returncode}")


def _fill(path: Path, *, leaving: int) -> Callable[[], None]:
    """Fill the disk but for so many bytes, and return what makes room again."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            file.truncate(max(0, file.tell() - leaving))
    return path.unlink


def _limit(leaving: int) -> Callable[[], None]:
    """Let no file grow beyond so many bytes, which writers see as a full disk; return what lifts that."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_SMALLEST_FILE + leaving // 10, hard))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def readonly(folder: Path) -> list[dict[str, Any]]:
    """Make a folder read-only after it was written; reading must work, and writing be refused."""
    expected = {}
    with opened(folder / "data") as memory:
        added = memory.add(facts=[fact_of(new_word(random.Random(n))) for n in range(_ADDED)], user_id=USER)["results"]
        expected = {one["id"]: one["memory"] for one in added}
    _mount("--bind", str(folder), str(folder))
    _mount("-o", "remount,bind,ro", str(folder))
    return [probed(folder / "data", expected) | {"memories": len(expected)}]


def main() -> None:
    if len(sys.argv) > 1:
        try:
            told: object = {"full": full, "limited": limited, "readonly": readonly}[sys.argv[1]](Path(sys.argv[2]))
        except NotTried as error:
            told = str(error)
        print(json.dumps(told))
        return
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(probed(Path(job["folder"]), job["expected"])), flush=True)


if __name__ == "__main__":
    main()
