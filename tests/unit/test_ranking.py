import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import record
from scrubjay.recall.collapse import collapsed
from scrubjay.recall.fusion import confidence, coverage, weighted_sum
from scrubjay.recall.query import content_words
from scrubjay.types import Hit, Kind

SCORES = st.dictionaries(st.sampled_from("abcdef"), st.floats(min_value=-1, max_value=30))


def test_the_margins_count_and_not_the_ranks() -> None:
    fused = weighted_sum({"a": 0.9, "b": 0.89}, {"b": 10.0, "a": 1.0}, weight=0.5)
    assert fused["b"] > fused["a"]
    assert fused == {"a": pytest.approx(0.55), "b": pytest.approx(0.5 * 0.89 / 0.9 + 0.5)}


@given(SCORES, SCORES, st.floats(min_value=0, max_value=1))
def test_a_fused_score_lies_between_0_and_1_and_every_key_has_one(
    dense: dict[str, float], lexical: dict[str, float], weight: float
) -> None:
    fused = weighted_sum(dense, lexical, weight=weight)
    assert fused.keys() == {*dense, *lexical}
    assert all(0 <= score <= 1 + 1e-9 for score in fused.values())


@given(SCORES, SCORES)
def test_more_of_either_never_lowers_a_rank(dense: dict[str, float], lexical: dict[str, float]) -> None:
    fused = weighted_sum(dense, lexical)
    for a in fused:
        for b in fused:
            if dense.get(a, 0) >= dense.get(b, 0) and lexical.get(a, 0) >= lexical.get(b, 0):
                assert fused[a] >= fused[b]


def test_confidence_tells_a_fitting_hit_from_a_hopeless_one() -> None:
    words = content_words("Where does Ana keep her bicycle?")
    assert confidence(0.8, words, "Ana keeps the bicycle in the cellar") == pytest.approx(0.4 * 0.8 + 0.6)
    assert confidence(0.05, words, "The project uses PostgreSQL") < 0.05


@given(st.text(), st.floats(min_value=-1, max_value=1))
def test_confidence_lies_between_0_and_1(text: str, cosine: float) -> None:
    assert 0 <= confidence(cosine, content_words(text), text) <= 1


def test_coverage_forgives_endings() -> None:
    assert coverage(["databases", "queries"], "one database, one query") == pytest.approx(0.5)


def test_function_words_are_left_out_unless_there_is_nothing_else() -> None:
    assert content_words("What is the name of my dog?") == ["name", "dog"]
    assert content_words("To be or not to be") == ["not"]
    assert content_words("who are you") == ["who", "are", "you"]
    assert content_words("我喜欢 tea") == ["我", "喜", "欢", "tea"]


def test_of_a_fact_and_its_episode_the_better_one_answers() -> None:
    fact = record("f", source_ids=("e",))
    episode = record("e", kind=Kind.EPISODE)
    other = record("o", kind=Kind.EPISODE)
    better_fact = [Hit(record=fact, score=0.8), Hit(record=episode, score=0.7), Hit(record=other, score=0.1)]
    assert [hit.record.id for hit in collapsed(better_fact)] == ["f", "o"]
    better_episode = [Hit(record=episode, score=0.9), Hit(record=fact, score=0.2), Hit(record=other, score=0.1)]
    assert [hit.record.id for hit in collapsed(better_episode)] == ["e", "o"]
