"""What a query asks for, in the words that full-text search should look for."""

import re

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_FUNCTION_WORDS = frozenset(
    "a an and are as at be been being but by can could did do does for from had has have he her him his how i in is it "
    "its me my of on or our she should so than that the their them then there these they this those to us was we were "
    "what when where which who whom whose why will with would you your".split()
)
"""English words that carry no subject matter; taken out of queries only, so that texts made of them stay findable."""


def words(text: str) -> list[str]:
    """Return the words of a text, case-folded; Chinese and Japanese, written without spaces, by the character."""
    return [word.casefold() for word in _WORD.findall(text)]


def content_words(query: str) -> list[str]:
    """Return the query's words without function words; all of its words when nothing else is in it."""
    every = words(query)
    return [word for word in every if word not in _FUNCTION_WORDS] or every
