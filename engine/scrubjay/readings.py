"""What an extractor is given to read, and what it reads out of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scrubjay.types import Category, MemoryRecord, Message, Relation, Scope


class Bearing(StrEnum):
    """How an extracted fact bears on what is known; only `refines` and `supersedes` change a memory."""

    NEW = "new"
    DUPLICATE = "duplicate"
    REFINES = "refines"
    SUPERSEDES = "supersedes"
    CONFLICTS = "conflicts"


class About(StrEnum):
    """Whom an extracted fact is about."""

    USER = "user"
    ASSISTANT = "assistant"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A few messages to read at once.

    `context` came before and is not extracted; `known` are current facts that may be restated, refined or replaced,
    in the order in which targets count them; `observed_at` is when the last message was said.
    """

    messages: tuple[Message, ...]
    context: tuple[Message, ...]
    known: tuple[MemoryRecord, ...]
    observed_at: datetime
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedFact:
    """A fact that an extractor read in the message number `source`, whose words `evidence` quotes.

    `targets` are positions in the window's known memories. Dates are as the extractor wrote them, "" for none. Nothing
    here is trusted: `reconcile` checks everything.
    """

    source: int
    evidence: str
    text: str
    category: Category = Category.OTHER
    about: About = About.USER
    bearing: Bearing = Bearing.NEW
    targets: tuple[int, ...] = ()
    occurred: str = ""
    valid_from: str = ""
    valid_to: str = ""
    importance: float = 0.5
    entities: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
