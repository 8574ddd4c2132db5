from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candidates import candidate, pool, pools, question, questions
from scrubjay.recall.calibration import answering, resembling
from scrubjay.recall.pool import Pool
from scrubjay.recall.query import Asked

ASKED = question("Where does Ana keep the red canoe?", "Ana", "Ben")
WORDS = ["keep", "red", "canoe"]

cosines = st.floats(-1, 1, width=32)
shares = st.integers(0, len(WORDS))


def covering(count: int, *, cosine: float = 0.5, name: str = "") -> Pool:
    """Return a pool of one text that holds so many of the question's words."""
    return pool(candidate("m", " ".join(["there", *WORDS[:count]]), cosine=cosine, name=name))


def chance(of: Pool, *, score: float = 1.0) -> float:
    return float(answering(ASKED, of, np.array([score]))[0])


def likeness(of: Pool) -> float:
    return float(resembling(ASKED, of, np.zeros(1))[0])


@given(cosines, cosines, shares)
def test_what_is_nearer_is_no_less_likely_to_answer_and_no_less_alike(one: float, other: float, count: int) -> None:
    less, more = (covering(count, cosine=cosine) for cosine in sorted((one, other)))
    assert chance(less) <= chance(more)
    assert likeness(less) <= likeness(more)


@given(shares, shares, cosines)
def test_what_covers_more_of_the_question_is_no_less_likely_to_answer_and_no_less_alike(
    one: int, other: int, cosine: float
) -> None:
    less, more = (covering(count, cosine=cosine) for count in sorted((one, other)))
    assert chance(less) <= chance(more)
    assert likeness(less) <= likeness(more)


def test_nearness_and_words_both_count() -> None:
    assert chance(covering(1, cosine=0.2)) < chance(covering(1, cosine=0.8)) < chance(covering(2, cosine=0.8))
    assert likeness(covering(1, cosine=0.2)) < likeness(covering(1, cosine=0.8)) < likeness(covering(2, cosine=0.8))


def test_the_words_of_the_person_who_is_named_count_for_more_and_those_of_others_for_less() -> None:
    assert chance(covering(1, name="Ben")) < chance(covering(1)) < chance(covering(1, name="Ana"))


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_of_the_best_score_is_no_less_likely_to_answer(one: float, other: float) -> None:
    of = pool(candidate("best"), candidate("less"), candidate("more"))
    best, less, more = answering(ASKED, of, np.array([1.0, *sorted((one, other))]))
    assert less <= more <= best


def test_the_chance_does_not_depend_on_how_scores_are_scaled() -> None:
    of = pool(candidate("a"), candidate("b"))
    small, large = answering(ASKED, of, np.array([0.1, 0.05])), answering(ASKED, of, np.array([10.0, 5.0]))
    assert small.tolist() == pytest.approx(large.tolist())


@given(questions, pools(), st.floats(-2, 2))
def test_every_chance_and_every_likeness_lies_between_0_and_1(asked: Asked, of: Pool, score: float) -> None:
    for calibrated in (answering, resembling):
        values = calibrated(asked, of, np.full(len(of), score))
        assert values.shape == (len(of),)
        assert ((values >= 0) & (values <= 1 + 1e-9)).all()


def test_the_same_text_is_wholly_alike_and_an_unrelated_one_not_at_all() -> None:
    assert likeness(covering(3, cosine=1.0)) == pytest.approx(1)
    assert likeness(covering(0, cosine=-0.4)) == 0


def test_a_question_without_words_is_covered_by_nothing() -> None:
    asked = replace(ASKED, stems=frozenset())
    assert resembling(asked, covering(3, cosine=0.0), np.zeros(1)).tolist() == [0]
