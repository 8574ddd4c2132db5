from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given

from candidates import candidate, fact, pool, pools, question, questions
from records import NOON, UNITS
from scrubjay.matches import Match
from scrubjay.recall import signals
from scrubjay.recall.pool import Floats, Pool, pool_of, shares
from scrubjay.recall.query import Asked
from scrubjay.recall.ranking import OF_ALL, OF_THE_BEST, ranked
from scrubjay.recall.signals import Signal
from scrubjay.recall.weights import Ranking
from scrubjay.types import Relation

SIGNALS = OF_ALL | OF_THE_BEST
ANYTHING = question("Where is the canoe?")


def values(signal: Signal, of: Pool, asked: Asked = ANYTHING, *, base: list[float] | None = None) -> list[float]:
    """Return the signal's values to three digits; `base` is 0 where it is not given."""
    given_base = np.zeros(len(of)) if base is None else np.array(base)
    return [round(value, 3) for value in signal(asked, of, given_base).tolist()]


@given(questions, pools())
def test_every_signal_of_any_pool_lies_between_0_and_1(asked: Asked, of: Pool) -> None:
    base = (of.dense + of.lexical) / 2
    for name, signal in SIGNALS.items():
        given_values = signal(asked, of, base)
        assert given_values.shape == (len(of),), name
        assert given_values.dtype == np.float64, name
        assert ((given_values >= 0) & (given_values <= 1 + 1e-9)).all(), name


@pytest.mark.parametrize("name", SIGNALS)
def test_no_candidates_have_no_values(name: str) -> None:
    asked = question("When did Ana paint the fence in May?", "Ana")
    nothing: Floats = SIGNALS[name](asked, pool(), np.zeros(0))
    assert nothing.shape == (0,)


def test_no_candidates_are_an_empty_pool() -> None:
    empty = pool()
    assert (len(empty), empty.stems, empty.only(np.zeros(0, dtype=np.intp)).candidates) == (0, [], [])
    assert ranked(question("When did Ana paint in May?", "Ana"), empty, Ranking(), limit=9) == []


def test_a_row_that_both_searches_found_is_one_candidate() -> None:
    a, b, c = candidate("a", cosine=0.8), candidate("b"), candidate("c")
    found = pool_of(
        UNITS[0],
        [Match(candidate=a, score=0.8), Match(candidate=b, score=0.5)],
        [Match(candidate=a, score=7.0), Match(candidate=c, score=2.0)],
        without={"b"},
    )
    assert [each.id for each in found.candidates] == ["a", "c"]
    assert found.cosine.tolist() == pytest.approx([0.8, 0.5])
    assert found.bm25.tolist() == [7.0, 2.0]


def test_shares_are_of_the_best_and_never_negative() -> None:
    assert shares(np.array([-1.0, 2.0, 4.0])).tolist() == [0, 0.5, 1]
    assert shares(np.array([-1.0, 0.0])).tolist() == [0, 0]


def test_dense_is_the_cosine_as_a_share_of_the_best() -> None:
    of = pool(candidate("a", cosine=0.8), candidate("b", cosine=0.4), candidate("c", cosine=-0.6))
    assert values(signals.dense, of) == [1, 0.5, 0]


def test_lexical_is_bm25_as_a_share_of_the_best() -> None:
    of = pool(candidate("a"), candidate("b"), candidate("c"), bm25={"a": 3.0, "b": 12.0})
    assert values(signals.lexical, of) == [0.25, 1, 0]


def test_neighbours_are_the_turns_just_before_and_after_in_the_session() -> None:
    of = pool(
        candidate("first", turn=1, cosine=0.8),
        candidate("second", turn=2, cosine=0.4),
        candidate("third", turn=3, cosine=0.2),
        candidate("fifth", turn=5, cosine=0.8),
        candidate("elsewhere", turn=2, cosine=0.8, session_id="two"),
        fact("fact", turn=2, cosine=0.8),
    )
    assert values(signals.neighbours, of) == [0.25, 0.625, 0.25, 0, 0, 0]


def test_turns_of_one_call_without_a_session_are_neighbours() -> None:
    at = NOON + timedelta(minutes=5)
    of = pool(
        candidate("a", session_id="", turn=0, recorded_at=1_000_000),
        candidate("b", session_id="", turn=1, recorded_at=1_000_001, said_at=at),
        candidate("other", session_id="", turn=1, recorded_at=9_000_001),
    )
    assert values(signals.neighbours, of) == [0.5, 0.5, 0]


def test_neighbours_that_are_left_out_no_longer_count() -> None:
    of = pool(candidate("a", turn=1), candidate("b", turn=2), candidate("c", turn=3))
    assert values(signals.neighbours, of.only(np.array([2, 0]))) == [0, 0]
    assert values(signals.neighbours, of.only(np.array([2, 1]))) == [0.5, 0.5]


def test_a_conversation_counts_by_the_mean_of_its_best_three() -> None:
    one = [candidate(f"a{number}") for number in range(4)]
    of = pool(*one, candidate("b", session_id="two"), candidate("c", session_id="three"))
    base = [0.9, 0.0, 0.6, 0.3, 0.3, 0.0]
    assert values(signals.conversation, of, base=base) == [1, 1, 1, 1, 0.5, 0]


def test_without_a_session_a_day_is_a_conversation() -> None:
    of = pool(
        candidate("a", session_id=""),
        candidate("b", session_id="", said_at=NOON + timedelta(hours=3)),
        candidate("c", session_id="", said_at=NOON + timedelta(days=1)),
    )
    assert values(signals.conversation, of, base=[0.8, 0.0, 0.1]) == [1, 1, 0.25]


def test_speaker_is_who_the_question_names_in_words_and_in_facts() -> None:
    of = pool(
        candidate("hers", name="Ana Lind"),
        candidate("his", name="Ben"),
        candidate("about her", "Ana rows", name="Ben"),
        fact("hers too", "ANA rows a canoe"),
        fact("not hers", "Anatole rows a canoe"),
    )
    assert values(signals.speaker, of, question("Where does Ana row?", "Ana Lind", "Ben")) == [1, 0, 0, 1, 0]
    assert values(signals.speaker, of, question("Where do Ana and Ben row?", "Ana Lind", "Ben")) == [0] * 5
    assert values(signals.speaker, of) == [0] * 5


@pytest.mark.parametrize("name", ["Anne-Marie", "O'Neil", "Zoe\u0308", "小明"])
def test_a_fact_names_who_has_a_name_of_several_parts(name: str) -> None:
    of = pool(fact("named", f"It is {name}'s canoe"), fact("other", "It is Marie's canoe"))
    asked = question(f"Where does {name} row?", name)
    assert values(signals.speaker, of, asked) == [1, 0]
    assert values(signals.own_words, of, asked) == [1, 0]


def test_nobody_is_called_by_punctuation() -> None:
    assert values(signals.speaker, pool(fact("f", "a canoe")), Asked(text="?", topic="?", speaker="--")) == [0]


def test_date_is_what_was_said_about_then() -> None:
    of = pool(
        candidate("then", said_at=NOON - timedelta(days=3)), candidate("before", said_at=NOON - timedelta(days=30))
    )
    assert values(signals.date, of, question("Who rowed last week?")) == [1, 0]
    assert values(signals.date, of, question("Who rowed?")) == [0, 0]


def test_role_sets_people_and_facts_above_assistants_and_tools() -> None:
    of = pool(
        candidate("u"), candidate("n", role=""), candidate("a", role="assistant"), candidate("t", role="tool"),
        fact("f", role="assistant"),
    )  # fmt: skip
    assert values(signals.role, of) == [1, 1, 0, 0, 1]


def test_importance_is_that_of_a_fact() -> None:
    of = pool(fact("high", importance=0.9), fact("low", importance=0.1), candidate("said", importance=0.9))
    assert values(signals.importance, of) == [0.9, 0.1, 0.5]


def test_an_entity_that_the_question_names_counts_whole_and_one_hop_from_it_half() -> None:
    owns = Relation(subject="Ana", predicate="owns", object="The  Canoe")
    of = pool(
        fact("edge", relations=(owns,)),
        fact("named", entities=("the canoe",)),
        fact("one hop", entities=("ana",)),
        fact("two hops", entities=("Lake Luna",)),
        fact("part of the name", entities=("canoe trip",)),
        fact("nobody"),
    )
    asked = question("Where is THE CANOE?")
    assert values(signals.entity, of, asked) == [1, 1, 0.5, 0, 0, 0]


def test_an_entity_is_named_by_its_whole_words() -> None:
    of = pool(fact("f", entities=("Art",)))
    assert values(signals.entity, of, question("Where does the party start?")) == [0]
    assert values(signals.entity, of, question("Where is art?")) == [1]


def test_a_fact_and_the_words_it_rests_on_support_each_other() -> None:
    of = pool(
        fact("f", source_ids=("e", "e2", "gone")),
        candidate("e"),
        candidate("e2"),
        fact("g", source_ids=("e2", "f")),
        candidate("alone"),
    )
    assert values(signals.support, of, base=[0.9, 0.2, 0.6, 0.1, 1.0]) == [0.6, 0.9, 0.9, 0.6, 0]


def test_coverage_is_the_share_of_the_questions_words_and_rare_ones_tell_more() -> None:
    asked = question("red canoe")
    of = pool(
        candidate("both", "my red canoes"),
        candidate("rare", "a canoe"),
        candidate("common", "a red boat"),
        candidate("common too", "red"),
        candidate("none", "a boat"),
    )
    both, rare, common, common_too, none = values(signals.coverage, of, asked)
    assert (both, none) == (1, 0)
    assert common == common_too < 0.5 < rare
    assert rare + common == pytest.approx(1, abs=0.002)


def test_a_question_without_words_covers_nothing() -> None:
    assert values(signals.coverage, pool(candidate("a"), candidate("b", "?")), question("?")) == [0, 0]


def test_the_s_of_a_possessive_covers_nothing() -> None:
    of = pool(candidate("a", "Ben's dog"), candidate("b", "it's late"))
    assert values(signals.coverage, of, question("What's the kayak's colour?")) == [0, 0]


def test_of_a_long_text_only_the_beginning_is_read() -> None:
    of = pool(
        candidate("late", "x " * 1_000 + "canoe yesterday"), candidate("early", "canoe yesterday " + "x " * 1_000)
    )
    asked = question("When was the canoe there?")
    assert values(signals.coverage, of, asked) == [0, 1]
    assert values(signals.when, of, asked) == [0, 1]


def test_own_words_are_what_the_person_says_of_themselves() -> None:
    of = pool(
        candidate("self", "I’ve a canoe", name="Ana"),
        candidate("ours", "Come to our lake", name="Ana"),
        candidate("not", "Canoes are red. Time to go", name="Ana"),
        candidate("somebody else's", "I have a canoe", name="Ben"),
        fact("fact", "Ana has a canoe"),
    )
    assert values(signals.own_words, of, question("What has Ana?", "Ana", "Ben")) == [1, 1, 0, 0, 1]
    assert values(signals.own_words, of) == [0] * 5


@pytest.mark.parametrize(
    "text", ["Yesterday", "we rowed in June", "the 2019 race", "two days", "On Mondays", "recently"]
)
def test_a_text_that_names_a_time_answers_when(text: str) -> None:
    of = pool(candidate("timed", text), candidate("untimed", "the canoe is red, number 12345"))
    assert values(signals.when, of, question("When did Ana row?")) == [1, 0]
    assert values(signals.when, of, question("Where did Ana row?")) == [0, 0]


def test_words_that_ask_are_a_question_and_a_fact_is_none() -> None:
    of = pool(
        candidate("asks", "Where is it? "), candidate("asks too", "在哪里？"), candidate("tells", "Where? There."),
        fact("fact", "Why?"),
    )  # fmt: skip
    assert values(signals.question, of) == [1, 1, 0, 0]


def test_a_cosine_does_not_depend_on_the_order_in_which_rows_were_found() -> None:
    randomness = np.random.default_rng(1)
    vectors = randomness.standard_normal((173, 384), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked_for = vectors[5] + vectors[9] / 10
    found = [Match(candidate=candidate(f"m{n:03}", vector=each), score=1.0) for n, each in enumerate(vectors)]

    def cosines(matches: list[Match]) -> dict[str, float]:
        pooled = pool_of(asked_for, [], matches)
        return {each.id: float(cosine) for each, cosine in zip(pooled.candidates, pooled.cosine, strict=True)}

    once = cosines(found)
    for _ in range(5):
        assert cosines([found[at] for at in randomness.permutation(len(found))]) == once
