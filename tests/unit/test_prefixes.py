import pytest

from scrubjay.embedding.prefixes import prefix_rule

ARCTIC = "Represent this sentence for searching relevant passages: "


@pytest.mark.parametrize(
    ("model", "query", "document"),
    [
        ("snowflake/snowflake-arctic-embed-s", ARCTIC, ""),
        ("Snowflake-Arctic-Embed-M-long", ARCTIC, ""),
        ("intfloat/multilingual-e5-large", "query: ", "passage: "),
        ("all-MiniLM-L6-v2-int8", "", ""),
    ],
)
def test_each_family_gets_its_own_prefixes(model: str, query: str, document: str) -> None:
    rule = prefix_rule(model)
    assert (rule.query, rule.document) == (query, document)
