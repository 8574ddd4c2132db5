"""How things are called on the page, for people who have never heard of a vector."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from scrubjay.types import Category

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
CATEGORIES: Mapping[str, str] = {
    Category.IDENTITY: "Who you are",
    Category.RELATIONSHIP: "People",
    Category.PREFERENCE: "What you like",
    Category.INSTRUCTION: "How you want things done",
    Category.PROJECT: "What you are working on",
    Category.GOAL: "Your goals",
    Category.CONSTRAINT: "To keep in mind",
    Category.SKILL: "What you can do",
    Category.EVENT: "Events",
    Category.KNOWLEDGE: "What you know",
    Category.OTHER: "Other things",
}
WORDS_KEPT = "In your own words"
_CLIENTS: Mapping[str, str] = {
    "": "an unknown program",
    "cli": "the command line",
    "library": "a program of yours",
    "mcp": "an assistant",  # the name that the SDK gives to clients without one
    "page": "this page",
    "rest": "another program",
}
SUSPICIONS: Mapping[str, str] = {"command": "a command to an assistant", "credential": "a password or a key"}
NOTICES: Mapping[str, str] = {
    "corrected": "Corrected. The old wording stays in the history.",
    "unchanged": "It says that already; nothing was changed.",
    "confirmed": "It counts from now on.",
    "restored": "Restored. It holds from now on.",
    "signed-out": "You are signed out.",
}


def day(when: datetime | None) -> str:
    """Return a day as people write it ("3 March 2026", UTC), "" for None."""
    if when is None:
        return ""
    utc = when.astimezone(UTC)
    return f"{utc.day} {MONTHS[utc.month - 1]} {utc.year}"


def minute(when: datetime | None) -> str:
    """Return a moment as people write it ("3 March 2026, 14:05 UTC"), "" for None."""
    return "" if when is None else f"{day(when)}, {when.astimezone(UTC):%H:%M} UTC"


def many(count: int, one: str, several: str) -> str:
    """Return a count with its noun: "1 memory", "1,204 memories"."""
    return f"{count:,} {one if count == 1 else several}"


def category_named(category: str, kind: str) -> str:
    """Return what a category is called; words that no fact was drawn from have none."""
    return WORDS_KEPT if kind == "episode" else CATEGORIES.get(category, CATEGORIES[Category.OTHER])


def client_named(client: str) -> str:
    """Return what a client is called in the middle of a sentence; clients with names of their own keep them."""
    return _CLIENTS.get(client, client)


def program_named(client: str) -> str:
    """Return what a client is called where nothing stands before it."""
    named = _CLIENTS.get(client)
    return f"{named[0].upper()}{named[1:]}" if named else client


WORDS_OF_PAGES: Mapping[str, Any] = {
    "day": day,
    "minute": minute,
    "many": many,
    "category_named": category_named,
    "client_named": client_named,
    "notices": NOTICES,
}
