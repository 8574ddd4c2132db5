import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay.errors import InvalidInput
from scrubjay.texts import checked, contains_span, digest_of, normalised, one_line, visible


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b\ufeff", "\x00"])
def test_a_text_without_a_visible_character_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="content is empty"):
        checked(text, field="content", longest=10)


def test_a_text_that_is_too_long_is_refused_with_both_figures() -> None:
    with pytest.raises(InvalidInput, match=r"content has 11 characters, the most is 10"):
        checked("x" * 11, field="content", longest=10)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not valid Unicode"):
        checked("bad \ud800", field="content", longest=10)


@given(st.text(min_size=1).filter(lambda text: visible(text).strip() and text.isprintable()))
def test_a_text_that_is_accepted_comes_back_unchanged(text: str) -> None:
    assert checked(text, field="content", longest=len(text)) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like tea", "  i  LIKE tea. "),
        ("Caf\u00e9", "Cafe\u0301"),
        ("Zero\u200bwidth", "zerowidth"),
        ("我喜欢茶。", "我喜欢茶"),
    ],
)
def test_texts_that_differ_in_form_only_count_as_the_same(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("allergic to nuts", "not allergic to nuts"),
        ("5 May", "6 May"),
        ("2⁵ keys", "25 keys"),
        ("Is it ready?", "It is ready"),
        ("likes C", "likes C++"),
        ("I'm in!", "I'm in?"),
    ],
)
def test_texts_that_differ_in_what_they_say_do_not(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_the_borders_between_the_parts_of_a_digest_count() -> None:
    assert digest_of(["ab", "c"]) != digest_of(["a", "bc"])


def test_visible_keeps_the_joiners_that_emoji_and_persian_need() -> None:
    assert visible("👩\u200d💻 می\u200cخواهم\u202e") == "👩\u200d💻 می\u200cخواهم"


def test_one_line_has_no_line_breaks_and_says_where_it_was_cut() -> None:
    assert one_line("one\ntwo\x1b[31m  three", longest=9) == "one two[…"


def test_a_span_may_differ_in_whitespace_only() -> None:
    assert contains_span("I prefer\n async code", "prefer async")
    assert not contains_span("I prefer async code", "prefers async")
