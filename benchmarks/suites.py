"""The suites of recall.py that look at the order of results: what is found, how far up, and as of when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dialogues import ADVERSARIAL, KNOWLEDGE_UPDATE, Dialogue, Question
from figures import Row, Scored, Tables, any_and_all, by_part, compared, first_hits, of_turns, parts
from stores import Ranker, Stores, progress

SCRUBJAY = "Scrubjay"
WITHOUT_UPDATES = "without updates"
WITH_FACTS = "with facts"
SIGNALS = (
    "dense", "lexical", "neighbours", "conversation", "speaker", "date", "role", "importance", "entity", "support",
    "coverage", "own_words", "when", "question", "updates",
)  # fmt: skip
"""The names of the signals, as `ranking` of the configuration takes them."""
DEEP, DEEPEST = 100, 200
"""How many hits are asked for where turns, and where sessions, are ranked."""


@dataclass(kw_only=True, eq=False)
class Run:
    """What is measured: the data, the told stores, and the rankers by the system's name, Scrubjay first."""

    locomo: Sequence[Dialogue]
    with_facts: Sequence[Dialogue]
    pool: Dialogue | None
    stores: Stores
    rankers: Mapping[str, Ranker]

    def __post_init__(self) -> None:
        self._orders: dict[tuple[str, bool], list[list[str]]] = {}

    @property
    def everyone(self) -> Dialogue:
        """The one person of LongMemEval; recall.py runs no suite of it without the file."""
        assert self.pool is not None
        return self.pool

    def orders(self, system: str, *, dated: bool) -> list[list[str]]:
        """Return the sessions in rank order for each question of the pool, asked on its day or without any."""
        if (system, dated) not in self._orders:
            ranker = self.stores.ranker("updates") if system == WITHOUT_UPDATES else self.rankers[system]
            questions = progress(self.everyone.questions, f"longmemeval-pool, {system}")
            self._orders[system, dated] = [
                first_hits(ranker(self.everyone, question if dated else replace(question, day=""), DEEPEST))
                for question in questions
            ]
        return self._orders[system, dated]


def asked(dialogues: Sequence[Dialogue], label: str, *, adversarial: bool) -> list[tuple[Dialogue, Question]]:
    """Return every question beside its dialogue, as a list that shows how far it is gone through."""
    return [
        (dialogue, question)
        for dialogue in dialogues
        for question in progress(dialogue.questions, label)
        if adversarial or question.kind != ADVERSARIAL
    ]


def turns_found(dialogues: Sequence[Dialogue], ranker: Ranker, label: str, *, depth: int = DEEP) -> list[Scored]:
    """Return the scores of every question that has an answer; one search each, for its first hundred, is cut at ten."""
    pairs = asked(dialogues, label, adversarial=False)
    return [
        Scored(question, of_turns(question, ranker(dialogue, question, depth)))
        for dialogue, question in progress(pairs, f"locomo-turns, {label}")
    ]


def locomo_turns(run: Run) -> Tables:
    """LoCoMo, evidence turns: recall@10, hit@10 and MRR over the first 100 hits, of categories 1 to 4."""
    told = {name: (run.locomo, ranker) for name, ranker in run.rankers.items()}
    if run.with_facts:
        told[f"{SCRUBJAY}, {WITH_FACTS}"] = (run.with_facts, run.rankers[SCRUBJAY])
    tables = compared(lambda name: turns_found(*told[name], name), list(told), by="recall@10")
    shown = turns_found(run.locomo, run.rankers[SCRUBJAY], "limit=10", depth=10)
    return {**tables, "asked for ten hits instead of a hundred": by_part(SCRUBJAY, shown)}


def locomo_sessions(run: Run) -> Tables:
    """LoCoMo, evidence sessions in the order of their first hit among 200: recall@10 and any@10, of all categories."""

    def ranked(name: str) -> list[Scored]:
        scored = []
        for dialogue, question in progress(asked(run.locomo, name, adversarial=True), f"locomo-sessions, {name}"):
            order = first_hits(run.rankers[name](dialogue, question, DEEPEST))
            found = question.sessions & set(order[:10])
            scored.append(
                Scored(question, {"recall@10": len(found) / len(question.sessions), "any@10": float(bool(found))})
            )
        return scored

    return compared(ranked, list(run.rankers), by="recall@10")


def longmemeval_pool(run: Run) -> Tables:
    """LongMemEval, all sessions in one memory, in the order of their first hit among 200; with and without a day."""
    tables: Tables = {}
    for dated, title in ((True, ""), (False, "asked without a day, among all sessions")):
        found = compared(lambda name, dated=dated: pool_scores(run, name, dated=dated), list(run.rankers), by="any@5")
        tables |= {", ".join(part for part in (title, each) if part): rows for each, rows in found.items()}
    return tables


def pool_scores(run: Run, name: str, *, dated: bool) -> list[Scored]:
    questions = run.everyone.questions
    return [
        Scored(question, any_and_all(question, order))
        for question, order in zip(questions, run.orders(name, dated=dated), strict=True)
    ]


def longmemeval_updates(run: Run) -> Tables:
    """LongMemEval, knowledge updates: newest evidence session above the oldest; what that costs all other questions."""
    systems = [SCRUBJAY, WITHOUT_UPDATES, *(name for name in run.rankers if name != SCRUBJAY)]
    rows = []
    for name in systems:
        pairs = zip(run.everyone.questions, run.orders(name, dated=True), strict=True)
        scored = [
            Scored(question, {"newest above oldest": float(_above(order, newest, oldest))})
            for question, order in pairs
            for oldest, newest in _ages(run.everyone, question)
        ]
        rows += by_part(name, scored) if scored else []
    costs = [
        row
        for name in (SCRUBJAY, WITHOUT_UPDATES)
        for row in by_part(name, pool_scores(run, name, dated=True), intervals=["any@1"])
    ]
    return {"": rows, "what it costs among all questions of the pool": costs}


def _ages(dialogue: Dialogue, question: Question) -> list[tuple[str, str]]:
    """Return the oldest and the newest evidence session of a knowledge update; nothing for other questions."""
    ordered = dialogue.by_age(question.sessions)
    is_update = question.kind == KNOWLEDGE_UPDATE and dialogue.said_at(ordered[0]) < dialogue.said_at(ordered[-1])
    return [(ordered[0], ordered[-1])] if is_update else []


def _above(order: Sequence[str], one: str, other: str) -> bool:
    return one in order and (other not in order or order.index(one) < order.index(other))


def longmemeval_asof(run: Run) -> Tables:
    """LongMemEval, knowledge updates asked as of the moment halfway between the oldest and the newest evidence.

    `nothing later`: no hit is dated after that moment. `older first`: the oldest evidence session is the first session
    of all. `flip`: it is the first of the question's own evidence sessions, whatever else stands above it.
    """
    memory, user = run.stores.memory(), run.stores.user(run.everyone)
    scored = []
    for question in progress(run.everyone.questions, "longmemeval-asof"):
        for oldest, newest in _ages(run.everyone, question):
            dates = [datetime.fromisoformat(run.everyone.said_at(session)) for session in (oldest, newest)]
            halfway = (dates[0] + (dates[1] - dates[0]) / 2).replace(microsecond=0)
            hits = memory.search(question.text, user_id=user, limit=DEEPEST, as_of=halfway.isoformat())
            order = list(dict.fromkeys(hit["run_id"] for hit in hits))
            own = [session for session in order if session in question.sessions]
            late = any(datetime.fromisoformat(hit["valid_from"]) > halfway for hit in hits)
            scores = {"nothing later": not late, "older first": order[:1] == [oldest], "flip": own[:1] == [oldest]}
            scored.append(Scored(question, {name: float(value) for name, value in scores.items()}))
    return {"": by_part(SCRUBJAY, scored) if scored else []}


def ablations(run: Run) -> Tables:
    """What is lost without each signal: turns of LoCoMo and the pool of LongMemEval, by part."""
    signals = ["", *SIGNALS]
    tables: Tables = {}
    if run.locomo:
        measured = {name: turns_found(run.locomo, run.stores.ranker(*filter(None, [name])), name) for name in signals}
        tables["locomo-turns"] = _losses(measured, ["recall@10", "MRR"])
    if run.pool:
        measured = {name: _pool_without(run, name) for name in signals}
        tables["longmemeval-pool"] = _losses(measured, ["any@1", "any@5", "all@5"])
    return tables


def _pool_without(run: Run, signal: str) -> list[Scored]:
    ranker = run.stores.ranker(*filter(None, [signal]))
    return [
        Scored(question, any_and_all(question, first_hits(ranker(run.everyone, question, DEEPEST))))
        for question in progress(run.everyone.questions, f"longmemeval-pool without {signal or 'nothing'}")
    ]


def _losses(measured: Mapping[str, Sequence[Scored]], measures: Sequence[str]) -> list[Row]:
    """Return a row for everything, then one for each signal with what is lost without it, for each part."""
    everything = measured[""]
    shown_parts = parts([each.question for each in everything])
    rows = []
    for signal, scored in measured.items():
        row: Row = {"signal": f"without {signal}" if signal else "everything"}
        for part in shown_parts:
            for measure in measures:
                value, whole = (_mean_of(each, part, measure) for each in (scored, everything))
                row[f"{measure}, {part}"] = round(value - whole, 4) if signal else whole
        rows.append(row)
    return rows


def _mean_of(scored: Sequence[Scored], part: str, measure: str) -> float:
    row = next(row for row in by_part("", scored, intervals=[]) if row["part"] == part)
    return float(row[measure])
