"""Scores of single questions made into rows: means, confidence intervals, parts and kinds; and tables of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from dialogues import FITTED, HELD_OUT, Question
from numpy.typing import ArrayLike
from stores import Hit

Row = dict[str, Any]
Tables = dict[str, list[Row]]
INTERVAL = " 95 %"
"""What a column's interval is called: the column's own name and this."""
_RESAMPLES, _SEED = 2_000, 7


@dataclass(frozen=True, slots=True)
class Scored:
    """A question and what a ranker's answer to it is worth, by measure."""

    question: Question
    scores: Mapping[str, float]


def of_turns(question: Question, hits: Sequence[Hit], *, shown: int = 10) -> dict[str, float]:
    """Return recall, hit and reciprocal rank of the evidence turns; recall and hit within the first ten."""
    found = question.turns & {hit.turn for hit in hits[:shown]}
    ranks = (rank for rank, hit in enumerate(hits, start=1) if hit.turn in question.turns)
    return {
        f"recall@{shown}": len(found) / len(question.turns),
        f"hit@{shown}": float(bool(found)),
        "MRR": 1 / next(ranks, float("inf")),
    }


def first_hits(hits: Sequence[Hit]) -> list[str]:
    """Return the sessions of hits, in the order of each one's first."""
    return list(dict.fromkeys(hit.session for hit in hits))


def any_and_all(question: Question, order: Sequence[str]) -> dict[str, float]:
    """Return whether one, and whether every, evidence session is among the first so many; and reciprocal rank."""
    ranks = (rank for rank, session in enumerate(order, start=1) if session in question.sessions)
    return {
        **{f"any@{k}": float(bool(question.sessions & set(order[:k]))) for k in (1, 5)},
        "all@5": float(question.sessions <= set(order[:5])),
        "any@10": float(bool(question.sessions & set(order[:10]))),
        "MRR": 1 / next(ranks, float("inf")),
    }


def interval(values: ArrayLike) -> list[float]:
    """Return the 95 % confidence interval of a mean, by bootstrap over the values with a fixed seed."""
    each = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(_SEED).integers(0, len(each), size=(_RESAMPLES, len(each)))
    return [round(float(bound), 4) for bound in np.percentile(each[drawn].mean(axis=1), [2.5, 97.5])]


def mean(values: ArrayLike) -> float:
    return round(float(np.mean(values)), 4)


def by_part(system: str, scored: Sequence[Scored], *, intervals: Sequence[str] | None = None) -> list[Row]:
    """Return a row for what weights were chosen on, one for what was held out and one for all; one if all is one."""
    rows = []
    for part in parts([each.question for each in scored]):
        of_part = [each for each in scored if part in {each.question.part, "all"}]
        row: Row = {"system": system, "part": part, "questions": len(of_part)}
        for measure in scored[0].scores:
            values = [each.scores[measure] for each in of_part]
            row[measure] = mean(values)
            if intervals is None or measure in intervals:
                row[measure + INTERVAL] = interval(values)
        rows.append(row)
    return rows


def parts(questions: Sequence[Question]) -> list[str]:
    """Return the parts that questions fall into, and `all` when these are several."""
    there = [part for part in (FITTED, HELD_OUT) if any(question.part == part for question in questions)]
    return [*there, "all"] if len(there) > 1 else there


def by_kind(system: str, scored: Sequence[Scored], measure: str) -> Row:
    """Return one measure for each kind of question."""
    row: Row = {"system": system}
    for kind in sorted({each.question.kind for each in scored}):
        values = [each.scores[measure] for each in scored if each.question.kind == kind]
        row[f"{kind} ({len(values)})"] = mean(values)
    return row


def compared(
    rank: Callable[[str], Sequence[Scored]], systems: Sequence[str], *, by: str, intervals: Sequence[str] | None = None
) -> Tables:
    """Return every system's rows by part, and the measure `by` for each kind of question."""
    scored_by_system = {system: rank(system) for system in systems}
    rows = [row for system, scored in scored_by_system.items() for row in by_part(system, scored, intervals=intervals)]
    return {"": rows, f"{by} by kind": [by_kind(system, scored, by) for system, scored in scored_by_system.items()]}


def printed(title: str, rows: Sequence[Row]) -> str:
    """Return rows as an aligned table under a title; a column's interval stands behind its figure."""
    columns = [name for name in dict.fromkeys(name for row in rows for name in row) if not name.endswith(INTERVAL)]
    cells = [list(columns), *([_cell(row, name) for name in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    words = [any(isinstance(row.get(name), str) for row in rows) for name in columns]
    lines = [
        "  ".join(
            cell.ljust(width) if is_text else cell.rjust(width)
            for cell, width, is_text in zip(line, widths, words, strict=True)
        ).rstrip()
        for line in cells
    ]
    return "\n".join([title, *lines, ""])


def _cell(row: Row, name: str) -> str:
    value = row.get(name, "")
    shown = f"{value:.3f}" if isinstance(value, float) and abs(value) < 10 else _plain(value)
    if name + INTERVAL in row:
        low, high = row[name + INTERVAL]
        shown += f" [{low:.3f}, {high:.3f}]"
    return shown


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
