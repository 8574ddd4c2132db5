"""What many people at once cost: many clients of one server, many users in one folder, many threads on one memory.

    python benchmarks/load.py --suite clients|users|threads [more of them] [--seed N] [--json]

Everything is real: LanceDB, the bundled model, servers, sockets, threads; nothing is outside temporary folders, which
are removed. `clients --clients N --minutes M` starts a server, and lets so many clients, each with a token of its own,
over MCP (both eras, both transports) and REST, add, correct, forget, search and list, one call after the other, without
a pause; then it looks whether everything that was acknowledged is there and nothing that was forgotten.
`users --users N` fills a folder with so many users' memories and compares search, add and list of any of them with
those of a user alone in another folder, side by side: cold (for the first time in a process) and warm, and then for
`--minutes` while the process's memory, threads and open files are looked at. `threads --threads N --minutes M` lets so
many threads add, correct, forget, search and list for 32 users on one memory, and looks afterwards whether everything
that was acknowledged is there once and nothing that was forgotten. The status is 1 if a limit was passed or an answer
was wrong.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from durable import Told
from figures import printed


def clients(options: argparse.Namespace) -> Told:
    import many_clients as suite

    return suite.run(options.clients, options.seed, minutes=options.minutes)


def users(options: argparse.Namespace) -> Told:
    import many_users as suite

    return suite.run(options.users, options.seed, minutes=options.minutes, kept=options.folder)


def threads(options: argparse.Namespace) -> Told:
    import many_threads as suite

    return suite.run(options.threads, options.seed, minutes=options.minutes)


SUITES: dict[str, Callable[[argparse.Namespace], Told]] = {"clients": clients, "users": users, "threads": threads}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", nargs="+", choices=SUITES, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=50, help="clients: how many at once")
    parser.add_argument("--users", type=int, default=2_000, help="users: how many in one folder")
    parser.add_argument("--threads", type=int, default=50, help="threads: how many at once")
    parser.add_argument("--minutes", type=float, default=5, help="for how long, after all is warm")
    parser.add_argument("--folder", type=Path, help="users: keep the filled folder here, and use it again")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told = {name: SUITES[name](options) for name in options.suite}
    broken = [f"{name}: {text}" for name, each in told.items() for text in each.broken]
    if options.json:
        print(json.dumps({name: each.tables for name, each in told.items()} | {"broken": broken}, indent=2))
    else:
        for each in told.values():
            for title, rows in each.tables.items():
                print(printed(title, rows))
        print("\n".join(["broken:", *broken] if broken else ["every limit was kept"]))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
