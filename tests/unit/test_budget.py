from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import NOON, record
from scrubjay.embedding.bert import count_tokens
from scrubjay.recall.budget import Fitted, best_excerpt, first_page, fit
from scrubjay.recall.prices import Prices
from scrubjay.recall.reply import compact, told
from scrubjay.types import Kind, Scope, Shown, State

PLENTY = 100_000
FILLER = "Nothing of interest was said here. "
ANSWER = "The blue bicycle stands in the cellar."
QUERY = "Where is the blue bicycle?"
WORDS = st.text(alphabet='abc de.1\n"\\é́한新👍ऀ\u200d', max_size=300)
TEXTS = WORDS | WORDS.map(lambda text: f"{text} word" * 40)
HITS = st.lists(
    st.builds(
        lambda text, evidence, kind, tag: {"text": f"x{text}", "evidence": evidence, "kind": kind, "metadata": tag},
        TEXTS,
        st.lists(WORDS, max_size=3).map(tuple),
        st.sampled_from(Kind),
        st.dictionaries(st.just("n"), st.integers() | WORDS, max_size=1),
    ),
    max_size=8,
)


def hits(*columns: dict[str, Any]) -> list[Shown]:
    """Return hits that are told briefly from the start, so that prices do not change when room gets short."""
    return [Shown(record=record(f"m{n}", **column), score=1 / (n + 1), brief=True) for n, column in enumerate(columns)]


def facts(*texts: str) -> list[Shown]:
    return hits(*({"text": text} for text in texts))


def proven(*evidence: str) -> list[Shown]:
    return hits(*({"text": f"Fact {n}", "evidence": (words,)} for n, words in enumerate(evidence)))


def episode(text: str) -> dict[str, Any]:
    return {"text": text, "kind": Kind.EPISODE}


def fitted_to(given_hits: list[Shown], max_tokens: int) -> Fitted:
    return fit(given_hits, max_tokens=max_tokens, count_tokens=count_tokens, query=QUERY)


def cost(given_hits: list[Shown]) -> int:
    return fitted_to(given_hits, PLENTY).tokens


def without_evidence(hit: Shown) -> Shown:
    return replace(hit, record=replace(hit.record, evidence=()))


def real_cost(fitted: Fitted) -> int:
    shape = {"results": [told(hit) for hit in fitted.shown], "tokens": fitted.tokens, "left_out": fitted.left_out}
    return count_tokens(compact(shape))


@given(HITS, st.integers(min_value=1, max_value=1500))
def test_the_reply_never_costs_more_than_the_budget(columns: list[dict[str, Any]], max_tokens: int) -> None:
    given_hits = hits(*columns)
    fitted = fitted_to(given_hits, max_tokens)
    assert not fitted.shown or real_cost(fitted) <= fitted.tokens <= max_tokens
    assert len(fitted.shown) + fitted.left_out == len(given_hits)
    places = [int(hit.record.id[1:]) for hit in fitted.shown]
    assert places == sorted(set(places))


@given(HITS, st.integers(min_value=1, max_value=1500))
def test_a_fact_is_cut_only_if_it_alone_exceeds_the_budget(columns: list[dict[str, Any]], max_tokens: int) -> None:
    given_hits = {hit.record.id: hit for hit in hits(*columns)}
    for hit in fitted_to(list(given_hits.values()), max_tokens).shown:
        whole = given_hits[hit.record.id]
        if hit.record.text != whole.record.text:
            assert hit.truncated
        if hit.truncated and hit.record.kind is Kind.FACT:
            assert fitted_to([without_evidence(whole)], max_tokens).shown[0].truncated


@given(HITS)
def test_everything_comes_whole_when_it_fits(columns: list[dict[str, Any]]) -> None:
    given_hits = hits(*columns)
    fitted = fitted_to(given_hits, cost(given_hits) + 8)  # the frame counts the digits of the budget
    assert list(fitted.shown) == given_hits


@given(HITS, st.integers(min_value=0, max_value=400))
def test_a_price_is_what_the_json_costs_or_above_the_most_that_matters(
    columns: list[dict[str, Any]], at_most: int
) -> None:
    for hit in hits(*columns):
        real = count_tokens(compact(told(hit))) + 1
        assert Prices(count_tokens).row(hit, at_most=PLENTY) == real
        price = Prices(count_tokens).row(hit, at_most=at_most)
        assert price == real if real <= at_most else price > at_most


def test_hits_are_told_briefly_when_they_do_not_all_fit_and_only_then() -> None:
    said = {"kind": Kind.EPISODE, "occurred_at": NOON, "valid_from": NOON}
    given_hits = [replace(hit, brief=False) for hit in hits(*({"text": f"Line {n}", **said} for n in range(12)))]
    roomy = fitted_to(given_hits, PLENTY)
    assert list(roomy.shown) == given_hits
    assert {"recorded_at", "valid_from", "scope", "state", "version"} <= told(roomy.shown[0]).keys()
    tight = fitted_to(given_hits, 500)
    assert told(tight.shown[0]).keys() == {"id", "memory", "score", "kind", "occurred_at"}
    assert len(tight.shown) >= 2 * sum(cost(given_hits[:n]) <= 500 for n in range(1, 12))


def test_what_is_unusual_is_told_briefly_too() -> None:
    fact = {"version": 2, "category": "skill", "scope": Scope.AGENT, "state": State.PENDING}
    shape = told(hits({"text": "Ana sails", **fact})[0])
    assert [shape[name] for name in fact] == [2, "skill", "agent", "pending"]
    assert "valid_from" in shape


def test_evidence_is_dropped_before_a_hit_is() -> None:
    given_hits = proven(*[FILLER * 4] * 5)
    fitted = fitted_to(given_hits, cost([without_evidence(hit) for hit in given_hits]) + 8)
    assert list(fitted.shown) == [without_evidence(hit) for hit in given_hits]
    assert fitted.left_out == 0


def test_evidence_comes_in_rank_order_whole_then_shortened_then_not_at_all() -> None:
    given_hits = proven(FILLER * 2, f"{FILLER * 9}{ANSWER} {FILLER * 9}", FILLER * 9)
    first = [given_hits[0], *map(without_evidence, given_hits[1:])]
    fitted = fitted_to(given_hits, cost(first) + 45)
    whole, shortened, dropped = fitted.shown
    assert whole == given_hits[0]
    assert ANSWER in shortened.record.evidence[0]
    assert shortened.record.evidence[0].startswith("… ")
    assert shortened.record.evidence[0].endswith(" …")
    assert dropped.record.evidence == ()
    assert not any(hit.truncated for hit in fitted.shown)


def test_evidence_too_short_to_prove_anything_is_dropped() -> None:
    given_hits = proven(FILLER * 9)
    bare = cost([without_evidence(hit) for hit in given_hits])
    lengths = []
    for more in range(60):
        evidence = fitted_to(given_hits, bare + more).shown[0].record.evidence
        lengths += [len(evidence[0])] if evidence else []
    assert min(lengths) >= 36
    assert len(lengths) > 30


def test_of_several_quotations_those_that_fit_come() -> None:
    given_hits = hits({"text": "Ana has a bicycle.", "evidence": (FILLER * 20, ANSWER)})
    fitted = fitted_to(given_hits, cost([without_evidence(given_hits[0])]) + 8)
    assert fitted.shown[0].record.evidence == ()
    roomy = fitted_to(given_hits, cost(given_hits) - 20).shown[0].record.evidence
    assert roomy[0].endswith(" …")
    only = hits({"text": "Ana has a bicycle.", "evidence": ("x1y2z3" * 200, ANSWER)})
    short = fitted_to(only, cost([replace(only[0], record=replace(only[0].record, evidence=(ANSWER,)))]) + 8)
    assert short.shown[0].record.evidence[-1] == ANSWER


def test_a_long_episode_leaves_room_for_other_hits() -> None:
    long = episode(f"{FILLER * 100}{ANSWER} {FILLER * 100}")
    given_hits = hits(long, {"text": "Ana has a bicycle."}, {"text": "Ben has a cat."})
    fitted = fitted_to(given_hits, 500)
    assert [hit.record.id for hit in fitted.shown] == ["m0", "m1", "m2"]
    assert [hit.truncated for hit in fitted.shown] == [True, False, False]
    assert ANSWER in fitted.shown[0].record.text


def test_two_long_episodes_share_the_budget() -> None:
    fitted = fitted_to(hits(episode(FILLER * 60), episode(FILLER * 60)), 500)
    assert [hit.truncated for hit in fitted.shown] == [True, True]
    assert len(fitted.shown[0].record.text) >= len(fitted.shown[1].record.text) > 200


def test_what_the_others_leave_goes_back_to_the_long_episode() -> None:
    given_hits = hits(episode(FILLER * 60), {"text": "Ana has a bicycle."})
    fitted = fitted_to(given_hits, 500)
    assert 470 < real_cost(fitted) <= 500
    too_large = hits(episode(FILLER * 30), {"text": FILLER * 27})
    alone = fitted_to(too_large, cost(too_large[:1]) + 8)
    assert list(alone.shown) == too_large[:1]


def test_no_episode_is_shortened_for_the_sake_of_evidence() -> None:
    given_hits = hits(episode(FILLER * 30), {"text": "Ana has a bicycle.", "evidence": (FILLER * 30,)})
    essentials = [without_evidence(hit) for hit in given_hits]
    assert list(fitted_to(given_hits, cost(essentials) + 8).shown) == essentials


def test_a_long_fact_that_fits_comes_whole_whatever_comes_after_it() -> None:
    given_hits = facts(FILLER * 40, *["Ana has a cat."] * 5)
    fitted = fitted_to(given_hits, 500)
    assert fitted.shown[0] == given_hits[0]
    assert fitted.left_out > 0


def test_a_hit_longer_than_the_budget_comes_as_its_best_excerpt() -> None:
    fitted = fitted_to(facts(f"{FILLER * 400}{ANSWER} {FILLER * 400}"), 200)
    shape = told(fitted.shown[0])
    assert shape["truncated"] is True
    assert ANSWER in shape["memory"]
    assert shape["memory"].startswith("… ")
    assert shape["memory"].endswith(" …")


def test_a_fact_longer_than_the_budget_leaves_room_for_others() -> None:
    fitted = fitted_to(facts(FILLER * 400, "Ana has a cat."), 500)
    assert [hit.truncated for hit in fitted.shown] == [True, False]


def test_a_fact_with_too_much_metadata_keeps_its_text() -> None:
    large = {"text": FILLER * 30, "metadata": {"page": FILLER * 100}}
    shown = fitted_to(hits(large, {"text": "Ana has a cat."}, {"text": "Ben has a dog."}), 500).shown
    assert (shown[0].record.text, shown[0].truncated, shown[0].record.metadata) == (FILLER * 30, True, {})


def test_a_tiny_excerpt_comes_only_when_there_is_nothing_else() -> None:
    long = {"text": FILLER * 400}
    cat = {"text": "Ana has a cat."}
    alone = [fitted_to(hits(long), max_tokens).shown for max_tokens in range(70, 130)]
    second = [fitted_to(hits(cat, long), max_tokens).shown[1:] for max_tokens in range(140, 240)]
    assert min(len(hit.record.text) for shown in alone for hit in shown) < 20
    assert min(len(hit.record.text) for shown in second for hit in shown) > 36


def test_the_frame_costs_no_more_than_it_is_priced_whatever_its_figures() -> None:
    priced = Prices(count_tokens).frame(max_tokens=2000, hits=50)
    for tokens in range(2000):
        frame = {"results": [], "tokens": tokens, "left_out": tokens % 51}
        assert count_tokens(compact(frame)) <= priced


def test_what_does_not_fit_is_left_out_and_smaller_ones_after_it_come() -> None:
    given_hits = facts("Ana has a cat.", FILLER * 35, "Ben has a dog.")
    fitted = fitted_to(given_hits, cost(given_hits[1:2]) + 8)
    assert [hit.record.id for hit in fitted.shown] == ["m0", "m2"]
    assert fitted.left_out == 1


def test_a_fact_that_fits_is_never_cut() -> None:
    fitted = fitted_to(facts(*["Ana has a cat."] * 9), 300)
    assert 0 < len(fitted.shown) < 9
    assert all(not hit.truncated for hit in fitted.shown)


@pytest.mark.parametrize("max_tokens", [500, 2000])
def test_few_characters_are_counted_however_long_the_hits_are(max_tokens: int) -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return count_tokens(text)

    ordinary = hits(*(episode(f"{n} {FILLER * 3}") for n in range(10)))
    fit(ordinary, max_tokens=max_tokens, count_tokens=count, query=QUERY)
    assert sum(map(len, counted)) < 0.7 * sum(len(compact(told(hit))) for hit in ordinary)
    assert len(set(counted)) == len(counted) < 10 * len(told(ordinary[0]))
    counted.clear()
    fit(hits(episode(FILLER * 5000)), max_tokens=max_tokens, count_tokens=count, query=QUERY)
    assert sum(map(len, counted)) < 40 * max_tokens


def test_a_first_page_has_whole_rows_and_at_least_one() -> None:
    rows = proven(*[FILLER] * 5)
    frame = {"memories": [], "total": 5, "next_cursor": ""}
    page = first_page(rows, frame=frame, max_tokens=400, count_tokens=count_tokens)
    assert 0 < len(page) < 5
    assert page == rows[: len(page)]
    assert len(first_page(rows, frame=frame, max_tokens=1, count_tokens=count_tokens)) == 1
    (long,) = first_page(facts(FILLER * 400), frame=frame, max_tokens=300, count_tokens=count_tokens)
    assert long.truncated
    assert count_tokens(compact({**frame, "memories": [told(long)]})) <= 300


@pytest.mark.parametrize("query", ["", "?", "zzz"])
def test_an_excerpt_for_a_query_without_matches_is_the_beginning(query: str) -> None:
    assert best_excerpt("One. Two. Three.", query, longest=5) == "One. …"


def test_an_excerpt_of_words_without_stops_has_the_words_asked_for() -> None:
    text = f"{'so and then ' * 200}the blue bicycle stands in the cellar {'and then so ' * 200}"
    assert "blue bicycle" in best_excerpt(text, QUERY, longest=400)


def test_an_excerpt_near_the_end_is_as_long_as_any() -> None:
    excerpt = best_excerpt(FILLER * 20 + ANSWER, QUERY, longest=200)
    assert excerpt.endswith(ANSWER)
    assert len(excerpt) > 160
