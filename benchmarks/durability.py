"""What memories survive: processes that are killed, that race, disks that are full or torn; and what forgetting leaves.

    python benchmarks/durability.py --suite kills|races|erasures|growth|faults [more of them] [--seed N] [--json]

Everything is real: LanceDB, processes, signals, file systems; nothing is outside temporary folders, which are removed.
Each suite prints tables and the promises that were broken; the status is 1 if there are any. What is
not possible here is listed as not tried. `kills --trials N` sends SIGKILL at a random moment to a process that adds,
supersedes, corrects, forgets, maintains, extracts, re-embeds, backs up or restores, and compares what was acknowledged
with what is there. `races --processes N --minutes M` lets servers and library processes work on one folder. `erasures
--erasures N` looks for what was forgotten in every byte, decoded column and dictionary. `growth --adds N` adds one by
one and compares speed and size with a freshly written table. `faults --trials N` damages files, fills the disk, and
makes the folder read-only.

How far traces are looked for: `erasures` looks for every word and id of everything that was forgotten, and for eight
numbers of the vector and the whole digest of some of it: of all up to 15 memories that went in one look, of 8 to 15 of
more. `kills` looks for the words and ids of the last 400 forgotten, `races` for those of all; neither for vectors or
digests. Each trace counts as one, however long it is.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from durable import Told
from figures import printed


def kills(options: argparse.Namespace) -> Told:
    import kills as suite

    return suite.run(options.trials or 500, options.seed, only=options.only)


def erasures(options: argparse.Namespace) -> Told:
    import erasing as suite

    sizes = [int(size) for size in options.sizes.split(",")]
    return suite.run(options.erasures, options.seed, sizes=sizes, killed=options.killed)


def growth(options: argparse.Namespace) -> Told:
    import growth as suite

    return suite.run(options.adds, options.seed, searches=options.searches)


def races(options: argparse.Namespace) -> Told:
    import races as suite

    return suite.run(options.processes, options.minutes, options.seed)


def faults(options: argparse.Namespace) -> Told:
    import disk_faults as suite

    return suite.run(options.trials or 200, options.seed)


SUITES: dict[str, Callable[[argparse.Namespace], Told]] = {
    "kills": kills,
    "races": races,
    "erasures": erasures,
    "growth": growth,
    "faults": faults,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", nargs="+", choices=SUITES, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, help="kills: 500, faults: 200")
    parser.add_argument("--only", default="", help="kills: one kind of work alone")
    parser.add_argument("--erasures", type=int, default=300, help="erasures: how many, over all sizes")
    parser.add_argument("--sizes", default="300,3000,50000", help="erasures: rows of each table")
    parser.add_argument("--killed", type=int, default=10, help="erasures: how many are killed, for each size")
    parser.add_argument("--processes", type=int, default=8, help="races: how many at once")
    parser.add_argument("--minutes", type=float, default=5, help="races: for how long")
    parser.add_argument("--adds", type=int, default=10_000, help="growth: how many, one by one")
    parser.add_argument("--searches", type=int, default=200, help="growth: how many in each table, each time")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told = {name: SUITES[name](options) for name in options.suite}
    broken = [f"{name}: {text}" for name, each in told.items() for text in each.broken]
    not_tried = [f"{name}: {text}" for name, each in told.items() for text in each.not_tried]
    if options.json:
        tables = {name: each.tables for name, each in told.items()}
        print(json.dumps(tables | {"broken": broken, "not tried": not_tried}, indent=2))
    else:
        for each in told.values():
            for title, rows in each.tables.items():
                print(printed(title, rows))
        print("\n".join(_judged(broken, not_tried)))
    sys.exit(1 if broken else 0)


def _judged(broken: list[str], not_tried: list[str]) -> list[str]:
    """Return what was broken and what was not tried, in lines; only what was tried can be kept."""
    kept = "every promise that was tried was kept" if not_tried else "every promise was kept"
    lines = ["broken:", *broken] if broken else [kept]
    return [*lines, *(["not tried:", *not_tried] if not_tried else [])]


if __name__ == "__main__":
    main()
