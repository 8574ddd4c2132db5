"""What a query asks for, in the words that full-text search should look for."""

import re
import unicodedata

from scrubjay.texts import FUNCTION_WORDS

_CHINESE_JAPANESE = "\u3040-\u30ff\u3400-\u9fff"  # written without spaces
_MARKS = (  # parts of words that are no letters to `\w`: accents, vowel signs of Hebrew, Arabic, Indic and others
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0966-\u109f\u1780-\u17d3\u200c\u200d"
)
_WORD = re.compile(rf"[{_CHINESE_JAPANESE}]|(?:[^\W_{_CHINESE_JAPANESE}]|[{_MARKS}])+")
_PUNCTUATION = ".,;:!?\"'()[]{}<>«»“”‘’。，！？、؟"
_MOST_WORDS = 64
_MOST_CHARS = 2_000


def words(text: str) -> list[str]:
    """Return the words of a text in NFC, case-folded; Chinese and Japanese by the character."""
    return [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFC", text))]


def content_words(query: str) -> list[str]:
    """Return the query's words without function words; all of its words when nothing else is in it."""
    every = words(query)
    return [word for word in every if word not in FUNCTION_WORDS] or every


def lexical_query(query: str) -> str:
    """Return what full-text search is asked: the query without function words, not cut into words.

    Cutting is the index's part, which knows how each script is written. A whole page as a query is looked up by its
    beginning; its meaning is in the vector.
    """
    parts = query[:_MOST_CHARS].split()
    content = [part for part in parts if part.strip(_PUNCTUATION).casefold() not in FUNCTION_WORDS]
    return " ".join(list(dict.fromkeys(content or parts))[:_MOST_WORDS])
