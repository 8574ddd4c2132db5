"""How well Scrubjay finds what it was told: LoCoMo and LongMemEval through the library, beside plain baselines.

    python benchmarks/recall.py --locomo LOCOMO.json[.gz] --longmemeval LONGMEMEVAL.json[.gz]
        [--suite NAME ...] [--baselines] [--ablations] [--facts] [--without SIGNAL ...] [--model NAME_OR_FOLDER]
        [--conversations ID,ID] [--fitted-conversations ID,ID] [--fitted-half] [--keep DIR] [--json] [--plot FILE.svg]

Reads files of LoCoMo's and LongMemEval's form (dialogues.py says where they come from). Every conversation of LoCoMo is
one user, all sessions of LongMemEval are one; a turn is one message, told as it was said, with nothing extracted.
Nothing is chosen here: it measures the weights as they stand. What they were chosen on and what was held out are
separate rows. Intervals are 95 % bootstrap intervals over questions.

Suites:

- locomo-turns: evidence turns among the hits; the first 100 are asked for once, and cut at 10
- locomo-sessions: evidence sessions in the order of their first hit among 200, with the adversarial questions
- longmemeval-pool: the same among all sessions of the file, asked as of the question's day, and without a day
- longmemeval-updates: the newest of a knowledge update's sessions above the oldest
- longmemeval-asof: the same questions, as of the moment halfway between the two
- budget: evidence turns within 500 tokens, against the whole conversation
- scores: what the score of a hit says, and what min_score keeps
- speed: search among 1,000 and 10,000 memories, as a multiple of one query embedding
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from pathlib import Path

import figures
import scoring
import suites
from baselines import Baselines
from chart import bars
from dialogues import locomo, longmemeval
from figures import Tables
from stores import Stores
from suites import SCRUBJAY, Run

LOCOMO: Mapping[str, Callable[[Run], Tables]] = {
    "locomo-turns": suites.locomo_turns,
    "locomo-sessions": suites.locomo_sessions,
    "budget": scoring.budget,
    "speed": scoring.speed,
}
LONGMEMEVAL: Mapping[str, Callable[[Run], Tables]] = {
    "longmemeval-pool": suites.longmemeval_pool,
    "longmemeval-updates": suites.longmemeval_updates,
    "longmemeval-asof": suites.longmemeval_asof,
}
EITHER: Mapping[str, Callable[[Run], Tables]] = {"scores": scoring.scores}
CHOSEN_ON = "conv-26,conv-30,conv-41"


def main() -> None:
    options = parsed()
    known = {**(LOCOMO if options.locomo else {}), **(LONGMEMEVAL if options.longmemeval else {}), **EITHER}
    missing = [name for name in options.suite if name not in known]
    if missing:
        raise SystemExit(f"{', '.join(missing)} needs the other file; see --help")
    folder = nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory(prefix="scrubjay-benchmark-")
    with folder as home, closing(Stores(Path(home), model=options.model, without=options.without)) as stores:
        run = prepared(options, Path(home), stores)
        measured = {name: known[name](run) for name in (options.suite or known)}
        if options.ablations:
            measured["ablations"] = suites.ablations(run)
    if options.plot:
        options.plot.write_text(chart(measured), encoding="utf-8")
    if options.json:
        print(json.dumps(measured, indent=2))
        return
    for suite, tables in measured.items():
        for title, rows in tables.items():
            print(figures.printed(f"{suite}: {title}" if title else suite, rows))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--locomo", type=Path, help="a file of LoCoMo's form")
    parser.add_argument("--longmemeval", type=Path, help="a file of LongMemEval's form")
    parser.add_argument("--suite", nargs="+", default=[], choices=[*LOCOMO, *LONGMEMEVAL, *EITHER], metavar="NAME")
    parser.add_argument("--without", nargs="+", default=[], metavar="SIGNAL", help="turn signals of the ranking off")
    parser.add_argument("--ablations", action="store_true", help="what is lost without each signal")
    parser.add_argument("--baselines", action="store_true", help="BM25, dense search and two fusions by rank, as well")
    parser.add_argument("--facts", action="store_true", help="locomo-turns once more, with the file's facts told too")
    parser.add_argument("--model", default="", help="another embedding model: a folder, or a name fastembed knows")
    parser.add_argument("--conversations", type=_names, default=(), metavar="ID,ID", help="of LoCoMo only these")
    parser.add_argument("--fitted-conversations", type=_names, default=_names(CHOSEN_ON), metavar="ID,ID")
    parser.add_argument(
        "--fitted-half", action="store_true", help="weights were chosen on LongMemEval's even questions"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what is told, and use it again")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="recall and any@5 as a bar chart")
    options = parser.parse_args()
    for path in filter(None, (options.locomo, options.longmemeval)):
        if not path.is_file():
            parser.error(f"{path} is not there; give a file of that form")
    if not (options.locomo or options.longmemeval):
        parser.error("give --locomo, --longmemeval or both")
    return options


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def prepared(options: argparse.Namespace, home: Path, stores: Stores) -> Run:
    """Read the files and gather the rankers; what is searched is told when it is first needed."""
    chosen = {"fitted": options.fitted_conversations, "only": options.conversations}
    conversations = locomo(options.locomo, **chosen) if options.locomo else []
    if options.locomo and not conversations:
        raise SystemExit(f"{options.locomo} has none of these conversations")
    pool = longmemeval(options.longmemeval, fitted_half=options.fitted_half) if options.longmemeval else None
    rankers = {SCRUBJAY: stores.ranker()}
    if options.baselines:
        plain = Baselines(home / "baselines", stores.memory().embedder, model=options.model)
        rankers |= plain.rankers()
    with_facts = locomo(options.locomo, facts=True, **chosen) if options.locomo and options.facts else []
    return Run(locomo=conversations, with_facts=with_facts, pool=pool, stores=stores, rankers=rankers)


def chart(measured: Mapping[str, Tables]) -> str:
    """Return the chart of what was measured: recall of turns, and any@5 of the pool."""
    wanted = [
        ("locomo-turns", "recall@10", "LoCoMo: evidence turns among the first ten hits (recall@10)"),
        ("longmemeval-pool", "any@5", "LongMemEval: an evidence session among the first five (any@5)"),
    ]
    panels = []
    for suite, measure, title in wanted:
        rows = measured.get(suite, {}).get("", [])
        part = "held out" if any(row["part"] == "held out" for row in rows) else "fitted on"
        shown = [row for row in rows if row["part"] == part]
        if shown:
            panels.append((f"{title}, {shown[0]['questions']:,} questions {part}", measure, shown))
    return bars(panels)


if __name__ == "__main__":
    main()
