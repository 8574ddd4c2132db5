"""What is told to a memory, as a worker writes it down, and every field of the row that must come of it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from durable import NOTED, fact_of, message_of

from scrubjay.types import MemoryRecord

FACT, MESSAGE, SHORT = "fact", "message", "short message"


@dataclass(frozen=True)
class Wording:
    """What one version of a memory must say, in every field that was told."""

    text: str
    name: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    entities: tuple[str, ...] = ()
    relations: tuple[tuple[str, str, str], ...] = ()
    evidence: tuple[str, ...] = ()

    def corrected(self, text: str) -> "Wording":
        """Return what a correction makes of it: nobody has read the new text for names."""
        return replace(self, text=text, entities=(), relations=())

    def noted(self) -> "Wording":
        """Return the fact that an extractor makes of it."""
        return Wording(f"{NOTED}{self.text}", metadata=self.metadata, evidence=(self.text,))

    def differing(self, record: MemoryRecord) -> list[str]:
        """Return the fields in which a row says something else."""
        told, there = asdict(self), asdict(worded(record))
        return [name for name in told if told[name] != there[name]]


def worded(record: MemoryRecord) -> Wording:
    """Return what a row says."""
    relations = tuple((each.subject, each.predicate, each.object) for each in record.relations)
    fields = (record.text, record.name, dict(record.metadata), record.entities, relations, record.evidence)
    return Wording(*fields)


@dataclass(frozen=True)
class Saying:
    """A fact or a message made of one word; `source` is the word of the message that a fact is drawn from."""

    word: str
    kind: str = FACT
    source: str = ""

    @property
    def given(self) -> dict[str, Any]:
        """What is passed to `add`."""
        if self.kind != FACT:
            return message_of(self.word, is_short=self.kind == SHORT)
        return fact_of(self.word, **({"evidence": message_of(self.source)["content"]} if self.source else {}))

    @property
    def wording(self) -> Wording:
        """What the row must say."""
        given = self.given
        if self.kind != FACT:
            return Wording(given["content"], given["name"], given["metadata"])
        relations = tuple((each["subject"], each["predicate"], each["object"]) for each in given["relations"])
        return Wording(given["text"], "", given["metadata"], tuple(given["entities"]), relations, (given["evidence"],))


def given(sayings: Iterable[Saying]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the messages and the facts to add."""
    listed = list(sayings)
    return [each.given for each in listed if each.kind != FACT], [each.given for each in listed if each.kind == FACT]


def written(sayings: Sequence[Saying]) -> list[dict[str, str]]:
    """Return sayings as they are put down in a line of JSON, in the order of what `add` returns for them."""
    return [asdict(each) for each in sorted(sayings, key=lambda each: each.kind == FACT)]


def read(lines: Iterable[dict[str, str]]) -> list[Saying]:
    """Return sayings that were put down."""
    return [Saying(**line) for line in lines]
