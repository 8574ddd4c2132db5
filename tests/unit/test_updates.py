from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candidates import candidate, pool, pools, question, questions
from records import NOON
from scrubjay.matches import Candidate
from scrubjay.recall.pool import Pool
from scrubjay.recall.query import Asked, Tense
from scrubjay.recall.updates import newer_first

NOW = question("What is the top speed of my canoe?")
PAST = question("What was the top speed of my canoe?")
BEFORE = question("What was the top speed of my canoe before?")
DAY = timedelta(days=1)


def said(memory_id: str, text: str, *, days: float = 0, cosine: float = 0.9) -> Candidate:
    """Return what was said in a conversation of its own, so many days from noon."""
    return candidate(memory_id, text, session_id=memory_id, said_at=NOON + days * DAY, cosine=cosine)


def order(asked: Asked, *best_first: Candidate) -> list[str]:
    """Return the ids in the order that is left of the one given, with scores a tenth apart."""
    of, scores = pool(*best_first), 1 - np.arange(len(best_first)) / 10
    changed = newer_first(asked, of, scores)
    return [of.candidates[position].id for position in np.argsort(-changed, kind="stable")]


OLD = said("old", "The top speed of my canoe is nine")
NEW = said("new", "The top speed of my canoe is ten now", days=30)


def test_the_tenses_of_the_questions_are_what_the_tests_mean() -> None:
    assert (NOW.tense, PAST.tense, BEFORE.tense) == (Tense.NOW, Tense.PAST, Tense.EARLIER)


def test_how_things_stand_is_what_was_said_last_about_them() -> None:
    assert order(NOW, OLD, NEW) == ["new", "old"]
    assert order(NOW, NEW, OLD) == ["new", "old"]


def test_how_things_were_before_is_left_in_order() -> None:
    assert order(BEFORE, OLD, NEW) == ["old", "new"]


def test_what_happened_takes_more_likeness_than_how_things_stand() -> None:
    assert order(PAST, OLD, NEW) == ["new", "old"]
    old = said("old", "speed, range and weight of the canoe")
    vaguer = said("new", "range and weight of the canoe", days=30)
    assert order(question("What is the top speed, range and weight of the canoe?"), old, vaguer) == ["new", "old"]
    assert order(question("What was the top speed, range and weight of the canoe?"), old, vaguer) == ["old", "new"]


def test_what_is_newer_but_about_something_else_does_not_pass() -> None:
    assert order(NOW, OLD, said("new", "The bread is in the oven", days=30)) == ["old", "new"]


def test_what_shares_words_but_means_something_else_does_not_pass() -> None:
    other = said("new", NEW.text, days=30, cosine=-0.14)  # at a cosine of 0.3 to the older
    assert order(NOW, OLD, other) == ["old", "new"]


def test_one_word_in_common_is_not_enough_unless_the_question_has_only_one() -> None:
    old, new = said("old", "The canoe is red"), said("new", "The canoe is blue", days=30)
    assert order(question("What is the weight of the canoe?"), old, new) == ["old", "new"]
    assert order(question("Where is the canoe?"), old, new) == ["new", "old"]


def test_what_was_said_within_the_same_hour_has_no_order() -> None:
    assert order(NOW, OLD, said("new", NEW.text, days=1 / 24)) == ["old", "new"]
    assert order(NOW, OLD, said("new", NEW.text, days=1.1 / 24)) == ["new", "old"]


def test_turns_of_one_conversation_that_goes_on_for_days_are_put_in_order_too() -> None:
    later = candidate("later", NEW.text, session_id="old", said_at=NOON + DAY, cosine=0.9)
    assert order(NOW, OLD, later) == ["later", "old"]


def test_what_has_every_word_of_the_question_is_passed_by_nothing_that_has_not() -> None:
    old = said("old", "The staging server password rotates every month")
    other = said("new", "The production server password rotates every quarter", days=30)
    assert order(question("How often does the staging server password rotate?"), old, other) == ["old", "new"]


def test_only_the_best_hit_of_the_newer_conversation_passes() -> None:
    second = candidate("second", NEW.text, session_id="new", said_at=NOON + 30 * DAY, cosine=0.9)
    assert order(NOW, OLD, NEW, second) == ["new", "old", "second"]


def test_the_newer_comes_just_above_the_older_and_not_above_what_stood_before_it() -> None:
    other = said("other", "My canoe speed record was a joke", cosine=0.9, days=60)
    bread = said("bread", "Bread", days=60)
    assert order(NOW, bread, OLD, NEW) == ["bread", "new", "old"]
    assert order(question("Where is the bread?"), bread, other) == ["bread", "other"]


def test_an_older_conversation_lets_one_newer_one_pass() -> None:
    newest = said("newest", NEW.text, days=60)
    changed = newer_first(NOW, pool(OLD, newest, NEW), np.array([0.9, 0.5, 0.4]))
    assert changed.tolist() == pytest.approx([0.9, 0.9, 0.4], abs=1e-5)
    assert changed[1] > changed[0]


@pytest.mark.promise("order")
def test_of_three_versions_each_goes_before_the_one_it_updates() -> None:
    newest = said("newest", NEW.text, days=60)
    assert order(NOW, OLD, NEW, newest) == ["newest", "new", "old"]


def test_no_candidates_and_one_are_left_alone() -> None:
    assert newer_first(NOW, pool(), np.zeros(0)).shape == (0,)
    assert newer_first(NOW, pool(OLD), np.array([0.3])).tolist() == [0.3]


def test_the_scores_given_are_not_written_to() -> None:
    scores = np.array([0.9, 0.5])
    newer_first(NOW, pool(OLD, NEW), scores)
    assert scores.tolist() == [0.9, 0.5]


versions = st.lists(
    st.tuples(st.sampled_from([OLD.text, NEW.text, "The canoe is red", "Bread"]), st.integers(0, 90), st.floats(0, 1)),
    max_size=9,
).map(lambda rows: pool(*(said(f"m{n}", text, days=days, cosine=c) for n, (text, days, c) in enumerate(rows))))


@given(st.sampled_from([NOW, PAST, BEFORE]) | questions, versions | pools(), st.data())
def test_no_score_is_lowered_and_what_is_raised_passes_something_older(
    asked: Asked, of: Pool, data: st.DataObject
) -> None:
    scores = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(of), max_size=len(of))), dtype=np.float64)
    changed = newer_first(asked, of, scores)
    assert changed.shape == scores.shape
    assert (changed >= scores).all()
    said_at = np.array([each.said_at for each in of.candidates])
    raised = np.flatnonzero(changed > scores)
    assert len(set(of.conversation[raised].tolist())) == len(raised)
    for position in raised.tolist():
        below = np.abs(changed - changed[position] + 1e-6) < 1e-9
        assert (below & (said_at < said_at[position])).any()
    if asked.tense is Tense.EARLIER:
        assert len(raised) == 0
