import math
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candidates import candidate, fact, pool, pools, question, questions
from records import NOON
from scrubjay.errors import InvalidInput
from scrubjay.matches import Candidate
from scrubjay.recall.pool import Pool
from scrubjay.recall.query import Asked
from scrubjay.recall.ranking import OF_ALL, OF_THE_BEST, SHORTLIST, ranked
from scrubjay.recall.weights import LIKENESS, Ranking

WEIGHTS = [each.name for each in fields(Ranking)]
rankings = st.just(Ranking()) | st.lists(st.sampled_from(WEIGHTS)).map(lambda names: Ranking().without(*names))


def ids(asked: Asked, of: Pool, ranking: Ranking | None = None) -> list[str]:
    return [hit.candidate.id for hit in ranked(asked, of, ranking or Ranking(), limit=10)]


def scores(asked: Asked, of: Pool, ranking: Ranking) -> dict[str, float]:
    return {hit.candidate.id: hit.score for hit in ranked(asked, of, ranking, limit=10)}


def test_every_weight_but_updates_is_of_a_signal_and_every_signal_has_one() -> None:
    assert sorted([*OF_ALL, *OF_THE_BEST, "updates"]) == sorted(WEIGHTS)


def test_a_score_is_the_sum_of_weighted_signals_as_a_share_of_all_weights() -> None:
    ranking = replace(Ranking().only("dense", "role", "when"), dense=2.0, role=1.5, when=0.5)
    of = pool(
        candidate("best", "yesterday", cosine=0.8),
        candidate("half", "yesterday", cosine=0.4, role="assistant"),
        candidate("least", "never", cosine=-0.4),
    )
    assert scores(question("When?"), of, ranking) == pytest.approx({"best": 1, "half": 1.5 / 4, "least": 1.5 / 4})


def test_a_negative_weight_takes_away_and_adds_nothing_to_what_can_be_reached() -> None:
    ranking = replace(Ranking().only("dense", "question"), dense=2.0, question=-0.5)
    of = pool(candidate("tells", "Red"), candidate("asks", "Red?"))
    assert scores(question("canoe"), of, ranking) == pytest.approx({"tells": 1, "asks": 0.75})


def test_the_conversation_and_support_look_at_dense_and_lexical_as_they_are_weighted() -> None:
    of = pool(
        candidate("meant", cosine=0.8, session_id="one"),
        candidate("worded", cosine=0.0, session_id="two"),
        bm25={"worded": 9.0},
    )
    for dense, lexical, first in ((2.0, 1.0, "meant"), (1.0, 2.0, "worded")):
        ranking = replace(Ranking().only("conversation"), dense=dense, lexical=lexical)
        expected = {"meant": 1.0, "worded": 1.0, first: 1.0}
        expected["worded" if first == "meant" else "meant"] = (1 + 0.5 * 1.4) / 4.4
        expected[first] = (2 + 1.4) / 4.4
        assert scores(question("canoe"), of, ranking) == pytest.approx(expected)


PLAIN = question("Where is the canoe?")
ANA = question("What of Ana?", "Ana")
LOW, HIGH = candidate("low", "it is red", turn=10), candidate("high", "it is red", turn=20)
LOW_FACT, HIGH_FACT = fact("low", "it is red"), fact("high", "it is red")
DAY = 24 * 3600 * 1_000_000

PAIRS: dict[str, tuple[Asked, tuple[Candidate, ...]]] = {
    "dense": (PLAIN, (candidate("low", "it is red", cosine=0.4), HIGH)),
    "lexical": (PLAIN, (LOW, HIGH)),
    "neighbours": (PLAIN, (LOW, HIGH, candidate("next", "it is red", turn=21, cosine=0.4))),
    "conversation": (
        PLAIN,
        (
            replace(LOW, session_id="two"),
            HIGH,
            candidate("near", cosine=0.9),
            candidate("x", session_id="two", cosine=0),
        ),
    ),
    "speaker": (ANA, (replace(LOW, name="Ben"), replace(HIGH, name="Ana"))),
    "date": (question("Who rowed last week?"), (replace(LOW, said_at=LOW.said_at - 90 * DAY), HIGH)),
    "role": (PLAIN, (replace(LOW, role="assistant"), HIGH)),
    "importance": (PLAIN, (replace(LOW_FACT, importance=0.4), replace(HIGH_FACT, importance=0.6))),
    "entity": (PLAIN, (LOW_FACT, replace(HIGH_FACT, entities=("Canoe",)))),
    "support": (
        PLAIN,
        (LOW_FACT, replace(HIGH_FACT, source_ids=("said",)), candidate("said", "it is red", cosine=0.1)),
    ),
    "coverage": (PLAIN, (LOW, replace(HIGH, text="canoe is red"))),
    "own_words": (ANA, (replace(LOW, name="Ana"), replace(HIGH, name="Ana", text="mine is red"))),
    "when": (question("When was the canoe there?"), (LOW, replace(HIGH, text="today is red"))),
    "question": (PLAIN, (replace(LOW, text="it is red?"), HIGH)),
    "updates": (
        PLAIN,
        (
            replace(LOW, text="red canoe"),
            replace(HIGH, text="red canoe", session_id="two", said_at=HIGH.said_at + DAY),
        ),
    ),
}
"""For each signal a question, and "low" before "high", which nothing else tells apart; then whoever else it takes."""


def _pair(name: str) -> tuple[Asked, Pool]:
    asked, candidates = PAIRS[name]
    return asked, pool(*candidates, bm25={"low": 3.0, "high": 4.0} if name == "lexical" else None)


@pytest.mark.parametrize("name", WEIGHTS)
def test_of_two_that_differ_in_one_signal_the_better_goes_first(name: str) -> None:
    asked, of = _pair(name)
    assert [memory_id for memory_id in ids(asked, of) if memory_id in {"low", "high"}] == ["high", "low"]


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_signal_that_is_off_tells_no_two_apart(name: str) -> None:
    asked, of = _pair(name)
    off = Ranking().without(name)
    assert [memory_id for memory_id in ids(asked, of, off) if memory_id in {"low", "high"}] == ["low", "high"]


@pytest.mark.parametrize(
    "name", sorted(set(WEIGHTS) - {"conversation", "neighbours", "question", "support", "updates"})
)
def test_a_signal_can_order_alone(name: str) -> None:
    asked, of = _pair(name)
    assert ids(asked, of, Ranking().only(name))[0] == "high"


def test_weights_are_turned_off_by_their_names() -> None:
    off = Ranking().without("date", "updates")
    assert off == replace(Ranking(), date=0.0, updates=0.0)
    assert Ranking().without() == Ranking()
    assert Ranking().only(*WEIGHTS) == Ranking()
    assert Ranking().only("date") == Ranking().without(*(name for name in WEIGHTS if name != "date"))


@pytest.mark.parametrize("name", ["", "Dense", "shortlist", "__class__", "only"])
def test_what_is_no_signal_cannot_be_turned_off_or_on(name: str) -> None:
    with pytest.raises(InvalidInput, match="is none of conversation, coverage"):
        Ranking().without("dense", name)
    with pytest.raises(InvalidInput, match="is none of conversation, coverage"):
        Ranking().only("dense", name)


def test_a_ranking_is_for_likeness_when_nothing_but_texts_counts() -> None:
    assert Ranking().only(*LIKENESS).is_likeness
    assert replace(Ranking(), dense=7.0).only(*LIKENESS).is_likeness
    assert not Ranking().is_likeness
    assert not Ranking().only(*LIKENESS, "updates").is_likeness


def test_a_ranking_without_any_weight_keeps_the_order_given() -> None:
    of = pool(candidate("a", cosine=0.1), candidate("b", cosine=0.9))
    assert scores(PLAIN, of, Ranking().only()) == {"a": 0, "b": 0}
    assert ids(PLAIN, of, Ranking().only()) == ["a", "b"]


@given(questions, pools(), rankings)
def test_every_candidate_comes_back_once_best_first_with_a_probability(
    asked: Asked, of: Pool, ranking: Ranking
) -> None:
    hits = ranked(asked, of, ranking, limit=10)
    assert sorted(hit.candidate.key for hit in hits) == sorted(each.key for each in of.candidates)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.probability <= 1 + 1e-9 for hit in hits)
    assert [hit.probability for hit in hits] == sorted((hit.probability for hit in hits), reverse=True)
    assert all(hit.words == () for hit in hits)


@given(questions, pools(), rankings)
def test_the_same_question_gives_the_same_order(asked: Asked, of: Pool, ranking: Ranking) -> None:
    assert ranked(asked, of, ranking, limit=10) == ranked(asked, of, ranking, limit=10)


def _many(count: int) -> Pool:
    return pool(*(candidate(f"m{number}", cosine=1 - number / (2 * count)) for number in range(count)))


@pytest.mark.parametrize(("limit", "count"), [(1, 3), (1, 200), (SHORTLIST, 200), (150, 200), (500, 200)])
def test_at_least_as_many_come_back_as_were_asked_for(limit: int, count: int) -> None:
    hits = ranked(PLAIN, _many(count), Ranking(), limit=limit)
    assert len(hits) >= min(limit, count)
    assert [hit.candidate.id for hit in hits[:3]] == ["m0", "m1", "m2"]


def test_a_question_that_nobody_can_answer_scores_lower_than_one_that_is_answered() -> None:
    texts = ["I keep the canoe in the boathouse", "Ben baked bread", "The lantern is broken"]

    def best(query: str, cosine: float, bm25: float) -> float:
        of = pool(
            candidate("first", texts[0], cosine=cosine),
            *(candidate(text[:3], text, cosine=0.1) for text in texts[1:]),
            bm25={"first": bm25},
        )
        return ranked(question(query), of, Ranking(), limit=3)[0].probability

    answered = best("Where do I keep the canoe?", 0.7, 8.0)
    assert best("What is my blood group?", 0.15, 0.0) < answered / 2


def test_what_the_named_person_said_is_a_likelier_answer() -> None:
    asked = question("Where does Ana keep the canoe?", "Ana", "Ben")

    def best(name: str) -> float:
        return ranked(asked, pool(candidate("m", "in the shed", name=name)), Ranking(), limit=1)[0].probability

    assert best("Ana") > best("") > best("Ben")


def test_a_likeness_is_scored_as_one() -> None:
    of = pool(candidate("same", "red canoe", cosine=1.0), candidate("other", "bread", cosine=0.0))
    asked = Asked(text="red canoe", topic="red canoe", stems=frozenset({"red", "canoe"}))
    same, other = ranked(asked, of, Ranking().only(*LIKENESS), limit=2)
    assert (same.probability, other.probability) == pytest.approx((1.0, 0.0))


@given(questions, pools())
def test_a_fact_is_no_worse_for_mattering_more(asked: Asked, of: Pool) -> None:
    raised = [replace(each, importance=math.sqrt(each.importance)) for each in of.candidates]
    ranking = Ranking().without("updates")
    before, after = scores(asked, of, ranking), scores(asked, replace(of, candidates=raised), ranking)
    assert all(after[memory_id] >= score - 1e-9 for memory_id, score in before.items())


def test_what_was_said_long_ago_is_ranked_all_the_same() -> None:
    of = pool(candidate("old", said_at=NOON - timedelta(days=365_000)), candidate("new"))
    assert set(ids(question("Who rowed in June?"), of)) == {"old", "new"}
