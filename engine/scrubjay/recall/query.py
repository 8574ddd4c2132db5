"""What a query asks for."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from scrubjay.recall.time import NamedTime, named_time
from scrubjay.texts import FUNCTION_WORDS

_CHINESE_JAPANESE = "\u3040-\u30ff\u3400-\u9fff"  # written without spaces
_MARKS = (  # parts of words that are no letters to `\w`: accents, vowel signs of Hebrew, Arabic, Indic and others
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0966-\u109f\u1780-\u17d3\u200c\u200d"
)
_WORD = re.compile(rf"[{_CHINESE_JAPANESE}]|(?:[^\W_{_CHINESE_JAPANESE}]|[{_MARKS}])+")
_PUNCTUATION = ".,;:!?\"'()[]{}<>«»“”‘’。，！？、؟"
_MOST_WORDS = 64
_MOST_CHARS = 2_000
_STEM_CHARS = 5
_POSSESSIVE = r"(?:['’]s|['’])?"
_LEAST_NAME_CHARS = 2
_HAS_CAPITALS = re.compile(r"(?<=\w\s)(?!I\b)[A-Z]")
_DETERMINER = re.compile(
    r"\b(?:the|a|an|my|your|his|her|its|our|their|this|that|what|which|no|some|any)\s+$", re.IGNORECASE
)

_ASKS_WHEN = re.compile(
    r"^\W*(?:when|since when)\b|\b(?:what|which) (?:date|day|month|year|time)\b|\bhow long\b", re.IGNORECASE
)
_NOW = re.compile(
    r"\b(?:current(?:ly)?|now|still|these days|nowadays|so far|latest|most recent(?:ly)?|at the moment|today|"
    r"usual(?:ly)?|any ?more)\b",
    re.IGNORECASE,
)
_THEN = re.compile(
    r"\b(?:did|was|were|had|last|past|back then|told|mentioned|discussed|recommend\w*|suggest\w*|tips?|advice|"
    r"ideas?)\b",
    re.IGNORECASE,
)
_EARLIER = re.compile(
    r"\b(?:previous(?:ly)?|initial(?:ly)?|original(?:ly)?|earlier|before|used to|former(?:ly)?|first|ago|between)\b",
    re.IGNORECASE,
)
_ABOUT_TIME = frozenset("current latest recent previous usual often many much long time now still".split())


class Tense(Enum):
    """Which of several statements about the same thing a question wants."""

    NOW = "how things stand: the newest"
    PAST = "what happened: rather the newest"
    EARLIER = "how things were before, or what was said then: any of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a query asks for.

    `topic`: the query without the names of speakers, for dense search: a name pulls it towards whatever else holds the
    name. `speaker`: the one speaker it names. `stems`: its words in the form in which they are compared.
    """

    text: str
    topic: str
    speaker: str = ""
    stems: frozenset[str] = field(default=frozenset())
    when: bool = False
    tense: Tense = Tense.PAST
    time: NamedTime = NamedTime()  # noqa: RUF009 - frozen


def asked(query: str, *, speakers: Iterable[str], now: datetime) -> Asked:
    """Return what a query asks for, among what these people said; relative dates count from `now`."""
    query = unicodedata.normalize("NFC", query)
    longest_first = sorted(speakers, key=lambda name: (-len(name), name))
    topic = query
    named: list[str] = []
    for name in longest_first:
        if _without_name(query, name) != query:
            topic = _without_name(topic, name)
            named.append(name)
    topic = " ".join(topic.split()) if named and content_words(topic, or_all=False) else query
    return Asked(
        text=query,
        topic=topic,
        speaker=named[0] if len(named) == 1 else "",
        stems=stems(content_words(topic)),
        when=_ASKS_WHEN.search(query) is not None,
        tense=_tense(query),
        time=named_time(topic, now=now, told=_THEN.search(query) is not None),
    )


def _without_name(query: str, name: str) -> str:
    """Return the query without a person's name, or their first name alone, as a whole word.

    A word in small letters is no name where others have capitals, or after "the", "my" and the like ("the bill"); and a
    name that is a function word ("Will") is one only as it is written, and not at the beginning.
    """
    name = unicodedata.normalize("NFC", name)
    parts = [part for part in dict.fromkeys((name.strip(), *name.split()[:1])) if len(part) >= _LEAST_NAME_CHARS]
    if not parts or parts[-1].casefold() not in query.casefold():
        return query
    is_word = parts[-1].casefold() in FUNCTION_WORDS
    found = rf"(?<!\w)(?:{'|'.join(map(re.escape, parts))}){_POSSESSIVE}(?!\w)"

    def left(match: "re.Match[str]") -> str:
        said = match.group()
        is_small = said[0].islower() and not name[0].islower()
        is_ordinary = is_small and (
            _HAS_CAPITALS.search(query) or _DETERMINER.search(query[: match.start()]) is not None
        )
        return said if is_ordinary or (is_word and (is_small or match.start() == 0)) else " "

    return re.sub(found, left, query, flags=re.IGNORECASE)


def _tense(query: str) -> Tense:
    if _EARLIER.search(query):
        return Tense.EARLIER
    return Tense.PAST if _THEN.search(query) and not _NOW.search(query) else Tense.NOW


def stems(listed: Iterable[str]) -> frozenset[str]:
    """Return words in the form in which they are compared: endings are forgiven, and the s of "Ana's" is no word."""
    return frozenset(stem for word in listed if (stem := word.rstrip("s")[:_STEM_CHARS]))


def subject_stems(query: Asked) -> frozenset[str]:
    """Return the stems that say what a question is about, without those that say as of when or how much."""
    return query.stems - stems(_ABOUT_TIME) or query.stems


def words(text: str) -> list[str]:
    """Return the words of a text in NFC, case-folded; Chinese and Japanese by the character."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return _WORD.findall(text.casefold())


def content_words(query: str, *, or_all: bool = True) -> list[str]:
    """Return the query's words without function words; all of its words (or none) when nothing else is in it."""
    every = words(query)
    return [word for word in every if word not in FUNCTION_WORDS] or (every if or_all else [])


def lexical_query(query: str) -> str:
    """Return what full-text search is asked: the query without function words, not cut into words.

    Cutting is the index's part, which knows how each script is written. A whole page as a query is looked up by its
    beginning; its meaning is in the vector.
    """
    parts = query[:_MOST_CHARS].split()
    content = [part for part in parts if part.strip(_PUNCTUATION).casefold() not in FUNCTION_WORDS]
    return " ".join(list(dict.fromkeys(content or parts))[:_MOST_WORDS])
