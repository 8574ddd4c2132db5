import pytest

from scrubjay.errors import InvalidInput
from scrubjay.inputs import entity_of, facts_of, listing_of, messages_of, metadata_of, question_of, scope_of
from scrubjay.types import Scope, State


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([{"content": "x", "when": "now"}], r"messages\[0\] has no field 'when'; it takes role, content, name, time"),
        ([{"content": "x"}, {"content": ""}], r"messages\[1\].content is empty"),
        ([{"content": 5}], r"messages\[0\].content is int, not text"),
        ([{"content": "x", "time": "soon"}], r"messages\[0\].time 'soon' is not a date"),
        ([{"content": "x", "metadata": [1]}], r"messages\[0\].metadata is not a JSON object"),
        (["just text"], r"messages\[0\] is not an object"),
    ],
)
def test_a_wrong_message_is_named_with_its_field(given: list[object], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        messages_of(given)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"text": ""}, r"facts\[0\].text is empty"),
        ({"text": "x", "category": "hobby"}, r"facts\[0\].category 'hobby' is none of identity, preference"),
        ({"text": "x", "importance": 2}, r"facts\[0\].importance is 2.0; it lies between 0 and 1"),
        ({"text": "x", "importance": "high"}, r"facts\[0\].importance is str, not a number"),
        ({"text": "x", "entities": "Ana"}, r"facts\[0\].entities is not a list of texts"),
        ({"text": "x", "relations": [{"from": "a"}]}, r"facts\[0\].relations has no field 'from'"),
        ({"text": "x", "supersedes": "y"}, r"facts\[0\] has no field 'supersedes'"),
    ],
)
def test_a_wrong_fact_is_named_with_its_field(given: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        facts_of([given])


def test_null_means_the_default() -> None:
    fact = facts_of([{"text": "x", "category": None, "entities": None, "importance": None, "metadata": None}])[0]
    assert (fact.category, fact.entities, fact.importance, fact.metadata) == (None, (), 0.5, {})


def test_names_of_choices_are_read_in_any_case() -> None:
    assert scope_of("Session") is Scope.SESSION
    assert scope_of("all") is None
    assert listing_of(state="SUSPECT").state is State.SUSPECT
    with pytest.raises(InvalidInput, match="scope 'world' is none of user, session, agent"):
        scope_of("world")


def test_an_entity_is_a_name_and_a_blank_one_is_none() -> None:
    assert listing_of(entity="Ana").entity == question_of("x", entity="Ana").entity == entity_of("Ana") == "Ana"
    assert [entity_of(blank) for blank in ("", " \t", "\u200b")] == [None, None, None]
    with pytest.raises(InvalidInput, match="entity has 257 characters, the most is 256"):
        listing_of(entity="x" * 257)
    with pytest.raises(InvalidInput, match="entity is int, not text"):
        question_of("x", entity=5)  # type: ignore[arg-type]  # wrong on purpose


def test_metadata_is_json_of_reasonable_size() -> None:
    assert metadata_of({"a": [1, {"b": None}]}) == {"a": [1, {"b": None}]}
    with pytest.raises(InvalidInput, match="metadata cannot be written as JSON"):
        metadata_of({"a": float("nan")})
    with pytest.raises(InvalidInput, match="metadata has 20,0"):
        metadata_of({"a": "x" * 20_000})
