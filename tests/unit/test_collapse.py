from hypothesis import given
from hypothesis import strategies as st

from candidates import candidate, fact
from scrubjay.matches import Candidate
from scrubjay.recall.collapse import collapsed
from scrubjay.recall.ranking import Ranked
from scrubjay.types import Kind


def hits(*best_first: Candidate) -> list[Ranked]:
    return [
        Ranked(candidate=each, score=1 - place / 10, probability=0.5 - place / 100)
        for place, each in enumerate(best_first)
    ]


def ids(found: list[Ranked]) -> list[str]:
    return [hit.candidate.id for hit in found]


FACT = fact("fact", source_ids=("words", "not found"))
SECOND = fact("second", source_ids=("words",))
WORDS, OTHER = candidate("words"), candidate("other")


def test_a_fact_that_is_better_than_its_words_stands_alone() -> None:
    ranked = hits(OTHER, FACT, WORDS)
    assert collapsed(ranked) == ranked[:2]


def test_a_fact_that_is_worse_than_its_words_takes_their_place_and_brings_them_along() -> None:
    ranked = hits(WORDS, OTHER, FACT)
    found = collapsed(ranked)
    assert ids(found) == ["fact", "other"]
    assert (found[0].score, found[0].probability) == (ranked[0].score, ranked[0].probability)
    assert found[0].words == (WORDS,)
    assert found[1] == ranked[1]


def test_further_facts_of_the_same_words_keep_their_places() -> None:
    ranked = hits(FACT, OTHER, SECOND, WORDS)
    assert collapsed(ranked) == ranked[:3]
    assert ids(collapsed(hits(WORDS, OTHER, FACT, SECOND))) == ["fact", "other", "second"]
    assert collapsed(hits(WORDS, FACT, SECOND))[1].words == ()


def test_words_without_a_fact_among_the_hits_stay() -> None:
    ranked = hits(OTHER, WORDS)
    assert collapsed(ranked) == ranked
    assert collapsed([]) == []


def test_a_fact_that_rests_on_several_words_stands_for_all_of_them() -> None:
    both = fact("fact", source_ids=("words", "other"))
    assert ids(collapsed(hits(both, WORDS, OTHER))) == ["fact"]
    assert ids(collapsed(hits(WORDS, OTHER, both))) == ["fact"]
    assert ids(collapsed(hits(WORDS, both, OTHER))) == ["fact"]


def test_a_fact_never_stands_for_another_fact() -> None:
    ranked = hits(FACT, fact("built on it", source_ids=("fact",)))
    assert collapsed(ranked) == ranked


ranked_hits = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from(Kind), st.lists(st.integers(0, 7), max_size=3)),
    max_size=8,
    unique_by=lambda row: row[0],
).map(
    lambda rows: hits(
        *(
            fact(f"m{number}", source_ids=tuple(f"m{source}" for source in sources))
            if kind is Kind.FACT
            else candidate(f"m{number}")
            for number, kind, sources in rows
        )
    )
)


@given(ranked_hits)
def test_what_is_left_is_in_order_and_each_once(ranked: list[Ranked]) -> None:
    found = collapsed(ranked)
    assert len(set(ids(found))) == len(found)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert len({hit.score for hit in found}) == len(found)


@given(ranked_hits)
def test_every_fact_is_left_and_of_the_words_those_without_one(ranked: list[Ranked]) -> None:
    rested_on = {source for hit in ranked for source in hit.candidate.source_ids}
    left = {hit.candidate.id for hit in ranked if hit.candidate.kind is Kind.FACT or hit.candidate.id not in rested_on}
    assert set(ids(collapsed(ranked))) == left


@given(ranked_hits)
def test_no_fact_falls_and_the_words_it_brings_are_those_it_rests_on(ranked: list[Ranked]) -> None:
    before = {hit.candidate.id: hit for hit in ranked}
    for hit in collapsed(ranked):
        was = before[hit.candidate.id]
        assert hit.score >= was.score
        assert (hit.words == ()) == (hit.score == was.score)
        for words in hit.words:
            assert words.id in hit.candidate.source_ids
            assert before[words.id].score > was.score


@given(ranked_hits)
def test_collapsing_again_changes_nothing(ranked: list[Ranked]) -> None:
    assert collapsed(collapsed(ranked)) == collapsed(ranked)
