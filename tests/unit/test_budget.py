import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import record
from scrubjay.embedding.bert import count_tokens
from scrubjay.recall.budget import best_excerpt, fit
from scrubjay.recall.reply import compact, told
from scrubjay.types import Shown

TEXTS = st.lists(st.text(alphabet="abc d.", min_size=1, max_size=300), max_size=12)


def hits(texts: list[str]) -> list[Shown]:
    return [Shown(record=record(f"m{number}", text), score=1 / (number + 1)) for number, text in enumerate(texts)]


@given(TEXTS, st.integers(min_value=1, max_value=900))
def test_the_reply_never_costs_more_than_the_budget(texts: list[str], max_tokens: int) -> None:
    given_hits = hits(texts)
    fitted = fit(given_hits, max_tokens=max_tokens, count_tokens=count_tokens, query="a b")
    shape = {
        "results": [told(hit) for hit in fitted.shown],
        "tokens": fitted.tokens,
        "left_out": fitted.left_out,
    }
    assert not fitted.shown or count_tokens(compact(shape)) <= max_tokens
    assert len(fitted.shown) + fitted.left_out == len(given_hits)
    assert [hit.record.id for hit in fitted.shown] == sorted(
        (hit.record.id for hit in fitted.shown), key=lambda i: int(i[1:])
    )


def test_a_hit_longer_than_the_budget_comes_as_its_best_excerpt() -> None:
    filler = "Nothing of interest was said here. " * 400
    text = f"{filler}The blue bicycle stands in the cellar. {filler}"
    fitted = fit(hits([text]), max_tokens=200, count_tokens=count_tokens, query="Where is the bicycle?")
    shape = told(fitted.shown[0])
    assert shape["truncated"] is True
    assert "The blue bicycle stands in the cellar." in shape["memory"]
    assert shape["memory"].startswith("… ")
    assert shape["memory"].endswith(" …")


def test_a_fact_that_fits_is_never_cut() -> None:
    fitted = fit(hits(["Ana has a cat."] * 9), max_tokens=300, count_tokens=count_tokens, query="cat")
    assert 0 < len(fitted.shown) < 9
    assert all(not hit.truncated for hit in fitted.shown)


@pytest.mark.parametrize("query", ["", "?", "zzz"])
def test_an_excerpt_for_a_query_without_matches_is_the_beginning(query: str) -> None:
    assert best_excerpt("One. Two. Three.", query, longest=5) == "One. …"
