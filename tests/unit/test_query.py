import pytest
from hypothesis import given
from hypothesis import strategies as st

from candidates import question
from records import NOON
from scrubjay.recall.query import Asked, Tense, asked, content_words, lexical_query, stems, subject_stems, words


@pytest.mark.parametrize(
    ("query", "topic"),
    [
        ("Where does Mira Okafor keep her skis?", "Where does keep her skis?"),
        ("Where does Mira keep her skis?", "Where does keep her skis?"),
        ("What is Mira's bicycle called?", "What is bicycle called?"),
        ("What is MIRA’s bicycle called?", "What is bicycle called?"),
        ("What did Mira Okafor's dentist say?", "What did dentist say?"),
        ("Mira, where are the skis?", ", where are the skis?"),
    ],
)
def test_the_name_of_a_speaker_is_taken_out_of_the_topic_and_is_the_speaker(query: str, topic: str) -> None:
    found = question(query, "Mira Okafor", "Jonas")
    assert (found.text, found.topic, found.speaker) == (query, topic, "Mira Okafor")


def test_the_possessive_of_a_name_that_ends_in_s_is_taken_out_whole() -> None:
    assert question("What colour are Jonas' boots?", "Jonas").topic == "What colour are boots?"


def test_the_words_of_a_topic_are_compared_without_the_name() -> None:
    assert question("Where does Mira keep her skis?", "Mira").stems == {"keep", "ski"}


@pytest.mark.parametrize("query", ["Mira", "Who is Mira?", "Mira's", "What was Mira like to Jonas"])
def test_a_topic_is_never_left_without_a_word_that_tells(query: str) -> None:
    found = question(query, "Mira", "Jonas")
    assert content_words(found.topic, or_all=False)


def test_a_query_of_nothing_but_names_is_its_own_topic() -> None:
    assert question("Mira and Jonas?", "Mira", "Jonas").topic == "Mira and Jonas?"


def test_who_is_named_beside_somebody_else_is_not_the_speaker() -> None:
    found = question("Did Mira lend Jonas the skis?", "Mira", "Jonas")
    assert (found.topic, found.speaker) == ("Did lend the skis?", "")


def test_a_first_name_that_two_have_names_nobody() -> None:
    assert question("Where are Mira's skis?", "Mira Okafor", "Mira Lund").speaker == ""


def test_a_name_is_a_whole_word() -> None:
    found = question("Which admiral owned the miraculous skis of Almira?", "Mira")
    assert (found.topic, found.speaker) == (found.text, "")


def test_a_query_that_names_no_speaker_keeps_its_spaces() -> None:
    assert question("where  are the skis", "Mira").topic == "where  are the skis"


@pytest.mark.parametrize("name", ["", " ", "A", ". .", "(", "[a-z]+", "\\", "(?P<x", "*", "C++", "$^", "{2}", "a|b"])
def test_a_name_is_no_pattern(name: str) -> None:
    found = question("where are the skis", name)
    assert (found.topic, found.speaker) == ("where are the skis", "")


@pytest.mark.parametrize("name", ["C++", "O'Neil", "J. (Jo) Park", "Zoë", "Нина", "Anne-Marie"])
def test_a_name_may_have_any_characters(name: str) -> None:
    assert question(f"where does {name} ski", name).topic == "where does ski"


def test_the_order_in_which_speakers_come_changes_nothing() -> None:
    query, names = "Where does Mira Okafor keep the skis?", ["Mira", "Mira Okafor"]
    assert question(query, *names) == question(query, *reversed(names))


@given(st.text(max_size=40), st.lists(st.text(max_size=8), max_size=4))
def test_any_query_is_understood_among_any_names(query: str, names: list[str]) -> None:
    found = asked(f"{query} {' '.join(names[:1])}", speakers=names, now=NOON)
    assert found.speaker in {"", *names}
    assert bool(content_words(found.topic)) == bool(content_words(found.text))
    assert "" not in found.stems


@pytest.mark.parametrize(
    "query",
    [
        "Where does Mira work?",
        "Where does Mira work now?",
        "Does Jonas still row?",
        "What was the latest price of the skis?",
        "What did Jonas say most recently?",
        "Which boots have I these days?",
        "Are the skis in the cellar?",
    ],
)
def test_a_question_is_about_now_unless_it_says_otherwise(query: str) -> None:
    assert question(query).tense is Tense.NOW


@pytest.mark.parametrize(
    "query", ["Where did Jonas row?", "Who was at the lake?", "What had Mira packed?", "Who won the last race?"]
)
def test_a_question_about_what_happened_is_in_the_past(query: str) -> None:
    assert question(query).tense is Tense.PAST


@pytest.mark.parametrize(
    "query",
    [
        "Where did Mira work before?",
        "What colour was the canoe originally?",
        "Where did Jonas used to row?",
        "What is the previous name of the club?",
        "What happened two weeks ago?",
    ],
)
def test_a_question_about_how_things_were_or_what_was_said_is_earlier(query: str) -> None:
    assert question(query).tense is Tense.EARLIER


@pytest.mark.parametrize(
    "query", ["When did Jonas row?", " «when is the race", "Since when?", "In which month is it?", "How long is it?"]
)
def test_some_questions_ask_for_a_time(query: str) -> None:
    assert question(query).when


@pytest.mark.parametrize("query", ["Who calls when it rains?", "Whenever Jonas rows", "Which boat?", "How longing is"])
def test_other_questions_do_not_ask_for_a_time(query: str) -> None:
    assert not question(query).when


def test_a_time_in_a_query_is_part_of_what_is_asked() -> None:
    assert question("Who rowed in June?").time.months == {6}
    assert not question("Who rowed?").time


def test_words_are_compared_by_their_beginning_and_without_a_plural_s() -> None:
    assert stems(["canoes", "canoeing", "ski", "skis"]) == {"canoe", "ski"}


def test_the_s_of_a_possessive_is_no_word() -> None:
    assert stems(words("Jonas's boss")) == stems(words("Jonas boss")) == {"jona", "bo"}
    assert stems([]) == frozenset()


def test_what_says_as_of_when_is_not_what_a_question_is_about() -> None:
    assert subject_stems(question("What is my current boat?")) == {"boat"}
    assert subject_stems(question("How much time now?")) == {"much", "time", "now"}
    assert subject_stems(Asked(text="", topic="")) == frozenset()


def test_function_words_are_left_out_unless_there_is_nothing_else() -> None:
    assert content_words("What is the name of my boat?") == ["name", "boat"]
    assert content_words("who are you") == ["who", "are", "you"]
    assert content_words("who are you", or_all=False) == []
    assert content_words("我喜欢 tea") == ["我", "喜", "欢", "tea"]
    assert content_words("?!") == []


def test_words_are_folded_and_composed() -> None:
    assert words("Cafe\u0301 STRASSE straße") == ["caf\u00e9", "strasse", "strasse"]


def test_full_text_search_is_asked_for_what_tells_each_once_and_uncut() -> None:
    assert lexical_query("Where is the red-hulled boat, the BOAT, the boat?") == "red-hulled boat, BOAT, boat?"
    assert lexical_query("red red red") == "red"
    assert lexical_query("Who are you?") == "Who are you?"
    assert lexical_query(" ") == ""


def test_full_text_search_is_asked_for_the_beginning_of_a_page() -> None:
    asked_for = lexical_query(" ".join(f"word{number}" for number in range(500)))
    assert asked_for.split() == [f"word{number}" for number in range(64)]
    assert len(lexical_query("x" * 10_000)) == 2_000
