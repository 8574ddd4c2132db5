"""What each family of models wants before a query or a document; fastembed never adds it (checked in 0.9.1)."""

from dataclasses import dataclass

_RETRIEVAL_INSTRUCTION = "Represent this sentence for searching relevant passages: "


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixRule:
    """The words that go before a query and before a document; "" where the model wants none."""

    query: str = ""
    document: str = ""

    def __str__(self) -> str:
        if not self.query and not self.document:
            return "no prefix"
        return f"query prefix {self.query!r}, document prefix {self.document!r}"


# Source: the model cards. The first family whose name occurs in the model's name decides.
_RULE_BY_FAMILY = {
    "arctic-embed": PrefixRule(query=_RETRIEVAL_INSTRUCTION),
    "mxbai-embed-large": PrefixRule(query=_RETRIEVAL_INSTRUCTION),
    "bge-small-en": PrefixRule(query=_RETRIEVAL_INSTRUCTION),
    "bge-base-en": PrefixRule(query=_RETRIEVAL_INSTRUCTION),
    "bge-large-en": PrefixRule(query=_RETRIEVAL_INSTRUCTION),
    "multilingual-e5": PrefixRule(query="query: ", document="passage: "),
    "nomic-embed-text": PrefixRule(query="search_query: ", document="search_document: "),
}


def prefix_rule(model: str) -> PrefixRule:
    """Return the rule of the model's family; no prefix for a family that is not known to want one."""
    name = model.lower()
    return next((rule for family, rule in _RULE_BY_FAMILY.items() if family in name), PrefixRule())
