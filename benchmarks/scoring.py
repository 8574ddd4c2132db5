"""The suites of recall.py that look at what comes with the order: the budget, the scores, and the time."""

import statistics
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice

import numpy as np
from dialogues import ADVERSARIAL, Dialogue, Question
from figures import Row, Scored, Tables, by_part, mean
from stores import Hit, Ranker, progress
from suites import SCRUBJAY, Run, asked

# The tokenizer is not part of the library's contract; a reply tells its own tokens, but nothing tells those of the
# conversation that it stands for, and both have to be counted alike.
from scrubjay.embedding.bert import count_tokens

SHOWN = 10
_BUDGET, _MOST = 500, 50
_BINS = 10
_TIMED, _WARM_UP = 120, 10
_SESSION = 20
Answer = tuple[Question, list[Hit]]


def budget(run: Run) -> Tables:
    """LoCoMo, evidence turns within max_tokens=500, against the tokens of the whole conversation."""
    scored = []
    history = {dialogue: _history_tokens(dialogue) for dialogue in run.locomo}
    for dialogue, question in progress(asked(run.locomo, "budget", adversarial=False), "budget"):
        memory, user = run.stores.memory(), run.stores.user(dialogue)
        found = memory.search(question.text, user_id=user, limit=_MOST, max_tokens=_BUDGET)
        # A hit that is cut to fit comes without its metadata.
        turns = (hit["metadata"] or memory.get(hit["id"])["metadata"] for hit in found)
        shown = question.turns & {metadata["turn"] for metadata in turns}
        scores = {
            "recall": len(shown) / len(question.turns),
            "hit": float(bool(shown)),
            "hits shown": float(len(found)),
            "tokens": float(found["tokens"]),
            "tokens of the conversation": float(history[dialogue]),
        }
        scored.append(Scored(question, scores))
    rows = by_part(SCRUBJAY, scored, intervals=["recall", "hit"])
    for row in rows:
        row["share of the conversation"] = row["tokens"] / row["tokens of the conversation"]
    return {"": rows}


def _history_tokens(dialogue: Dialogue) -> int:
    return sum(
        count_tokens(f"{message['name']}: {message['content']}")
        for messages in dialogue.sessions.values()
        for message in messages
    )


def scores(run: Run) -> Tables:
    """What a score says: best hits, what min_score keeps, and how often a hit with a score answers (first ten hits).

    An adversarial question has no answer: none of its hits counts as gold.
    """
    ranker = run.rankers[SCRUBJAY]
    tables: Tables = {}
    if run.locomo:
        pairs = asked(run.locomo, "scores", adversarial=True)
        answers = _answers(pairs, ranker, "scores, LoCoMo")
        told = [answer for answer in answers if answer[0].kind != ADVERSARIAL]
        untold = [answer for answer in answers if answer[0].kind == ADVERSARIAL]
        tables["score of the best hit, LoCoMo"] = [
            _quartiles(name, listed) for name, listed in (("categories 1-4", told), (ADVERSARIAL, untold)) if listed
        ]
        tables["what min_score keeps, LoCoMo"] = [_kept(tenths / 10, told, untold) for tenths in range(10)]
        tables["reliability, LoCoMo, categories 1-4"] = reliability(told)
        tables["reliability, LoCoMo, all categories"] = reliability(answers)
    if run.pool:
        pairs = [(run.pool, question) for question in run.pool.questions]
        tables["reliability, LongMemEval"] = reliability(_answers(pairs, ranker, "scores, LongMemEval"))
    return tables


def _answers(pairs: Sequence[tuple[Dialogue, Question]], ranker: Ranker, label: str) -> list[Answer]:
    return [(question, ranker(dialogue, question, SHOWN)) for dialogue, question in progress(pairs, label)]


def _is_gold(question: Question, hit: Hit) -> bool:
    return question.kind != ADVERSARIAL and hit.turn in question.turns


def _quartiles(name: str, answers: Sequence[Answer]) -> Row:
    best = [hits[0].score if hits else 0.0 for _, hits in answers]
    names = ("least", "lower quartile", "median", "upper quartile", "most")
    quartiles = np.percentile(best, [0, 25, 50, 75, 100])
    return {
        "questions": name,
        "number": len(best),
        **{each: round(float(value), 4) for each, value in zip(names, quartiles, strict=True)},
    }


def _kept(least: float, told: Sequence[Answer], untold: Sequence[Answer]) -> Row:
    """Return what a min_score leaves: of the answerable questions' hits, and of the adversarial ones' silence."""
    shown = [(question, [hit for hit in hits if hit.score >= least]) for question, hits in told]
    gold = [sum(_is_gold(question, hit) for hit in hits) for question, hits in shown]
    number = sum(len(hits) for _, hits in shown)
    row: Row = {
        "min_score": f"{least:.1f}",
        "hits per question": round(number / max(len(told), 1), 2),
        "precision": round(sum(gold) / number, 4) if number else 0.0,
        "keep a gold hit": mean([float(count > 0) for count in gold]) if gold else 0.0,
        "answerable, nothing shown": mean([float(not hits) for _, hits in shown]) if shown else 0.0,
    }
    if untold:
        row["adversarial, nothing shown"] = mean([float(all(hit.score < least for hit in hits)) for _, hits in untold])
    return row


def reliability(answers: Sequence[Answer]) -> list[Row]:
    """Return, for each tenth of scores, their mean beside the share that is gold; and the mean gap, weighted."""
    pairs = np.array([(hit.score, _is_gold(question, hit)) for question, hits in answers for hit in hits], dtype=float)
    if not len(pairs):
        return []
    bins = np.minimum((pairs[:, 0] * _BINS).astype(int), _BINS - 1)
    rows: list[Row] = []
    gap = 0.0
    for number in range(_BINS):
        inside = pairs[bins == number]
        if len(inside):
            score, share = inside.mean(axis=0).tolist()
            gap += len(inside) / len(pairs) * abs(score - share)
            label = f"{number / _BINS:.1f} to {(number + 1) / _BINS:.1f}"
            rows.append(
                {"scores": label, "hits": len(inside), "mean score": round(score, 4), "share gold": round(share, 4)}
            )
    score, share = pairs.mean(axis=0).tolist()
    every = {"scores": "all", "hits": len(pairs), "mean score": round(score, 4), "share gold": round(share, 4)}
    return [*rows, {**every, "expected calibration error": round(gap, 4)}]


def speed(run: Run) -> Tables:
    """Search among 1,000 and 10,000 memories: its median time as a multiple of a query embedding's, interleaved."""
    texts = [
        (message["name"], message["content"])
        for dialogue in run.locomo
        for messages in dialogue.sessions.values()
        for message in messages
    ]
    questions = [question.text for dialogue in run.locomo for question in dialogue.questions]
    return {"": [_timed(run, _crowd(texts, size), questions) for size in (1_000, 10_000)]}


def _crowd(texts: Sequence[tuple[str, str]], size: int) -> Dialogue:
    """Return a person who was told so many memories, none like another, in sessions of twenty, an hour each."""
    sessions: dict[str, list[dict[str, str]]] = {}
    for number, (name, text) in enumerate(islice(cycle(texts), size)):
        session = number // _SESSION
        said = np.datetime64("2020-01-01T00:00:00") + np.timedelta64(session, "h")
        message = {"role": "user", "name": name, "content": f"{text} ({number})", "time": f"{said}+00:00"}
        sessions.setdefault(f"session_{session}", []).append(message)
    return Dialogue(name=f"crowd-{size}", sessions=sessions, questions=())


def _timed(run: Run, crowd: Dialogue, questions: Sequence[str]) -> Row:
    memory, user = run.stores.memory(), run.stores.user(crowd)
    search_ms: list[float] = []
    embedding_ms: list[float] = []
    listed = list(islice(cycle(questions), _WARM_UP + _TIMED))
    for number, text in enumerate(progress(listed, f"speed, {crowd.name}")):
        took_ms = [
            _took_ms(lambda text=text: memory.search(text, user_id=user)),
            _took_ms(lambda text=text: memory.embedder.embed_query(text)),
        ]
        if number >= _WARM_UP:
            search_ms.append(took_ms[0])
            embedding_ms.append(took_ms[1])
    medians = [statistics.median(each) for each in (search_ms, embedding_ms)]
    return {
        "memories": sum(len(messages) for messages in crowd.sessions.values()),
        "questions": len(search_ms),
        "search p50 ms": round(medians[0], 2),
        "search p95 ms": round(float(np.percentile(search_ms, 95)), 2),
        "query embedding p50 ms": round(medians[1], 2),
        "search / query embedding": round(medians[0] / medians[1], 2),
    }


def _took_ms(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - started)
