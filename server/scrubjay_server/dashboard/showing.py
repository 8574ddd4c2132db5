"""Memories as the page shows them: in words for people, short, and with what they rest on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from scrubjay.journeys.sourcing import sources_of
from scrubjay.remembering.suspicion import suspicion
from scrubjay.texts import contains_span, visible
from scrubjay.types import Kind, MemoryRecord, State
from scrubjay_server.dashboard.growth import client_of
from scrubjay_server.dashboard.visiting import Visit
from scrubjay_server.dashboard.words import SUSPICIONS, category_named, client_named

SHORT_CHARS = 420
_QUOTE_CHARS = 300
_NAME_CHARS = 80
_MOST_LINES = 12
_LOOKED_AT_CHARS = 20_000
_SPEAKERS = {"user": "you", "assistant": "the assistant", "system": "the system", "tool": "a tool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Words that a memory rests on: who said them and when (None: nobody knows), and the message they stand in."""

    words: str
    speaker: str
    said_at: datetime | None
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A version of a memory as it is shown. `text` is whole, `short` what stands in lists."""

    id: str
    version: int
    text: str
    short: str
    category: str
    kind: str
    speaker: str
    learned_at: datetime
    happened_at: datetime | None
    since: datetime
    until: datetime | None
    client: str
    why_suspect: str
    proofs: tuple[Proof, ...]
    is_current: bool
    was_never_true: bool
    waits_to_be_read: bool

    @property
    def is_long(self) -> bool:
        """Whether lists show a part of it only."""
        return self.short != self.text


def shown(visit: Visit, records: Sequence[MemoryRecord]) -> list[Shown]:
    """Return memories as they are shown, each with the words it rests on. Raises StoreError."""
    now = visit.engine.now()
    sources = sources_of(visit.engine, visit.caller, records)
    return [_shown(record, sources, now) for record in records]


def shortened(text: str, longest: int = SHORT_CHARS) -> str:
    """Return a text, or its beginning with … where it was cut, on one line then, without what nobody can see."""
    if len(text) <= longest and text.count("\n") < _MOST_LINES:
        return text
    return f"{' '.join(visible(text[: 2 * longest]).split())[: longest - 1].rstrip()}…"


def speaker_of(record: MemoryRecord) -> str:
    """Return who said it, "you" for the person."""
    named = _SPEAKERS.get(record.role or "user", record.role)
    return shortened(record.name, _NAME_CHARS) if record.name and named == "you" else named


def _shown(record: MemoryRecord, sources: Mapping[str, MemoryRecord], now: datetime) -> Shown:
    return Shown(
        id=record.id,
        version=record.version,
        text=record.text,
        short=shortened(record.text),
        category=category_named(record.category, record.kind),
        kind=record.kind,
        speaker=speaker_of(record) if record.kind is Kind.EPISODE else "",
        learned_at=record.recorded_at,
        happened_at=record.occurred_at if record.kind is Kind.FACT else None,
        since=record.valid_from,
        until=record.valid_to,
        client=client_named(client_of(record.origin)),
        why_suspect=_why(record),
        proofs=tuple(_proofs(record, sources)),
        is_current=record.is_current(now),
        was_never_true=record.valid_to is not None and record.valid_to <= record.valid_from,
        waits_to_be_read=record.state is State.PENDING,
    )


def _why(record: MemoryRecord) -> str:
    if record.state is not State.SUSPECT:
        return ""
    return SUSPICIONS.get(suspicion(record.text[:_LOOKED_AT_CHARS]), "something that should not count by itself")


def _proofs(record: MemoryRecord, sources: Mapping[str, MemoryRecord]) -> Iterable[Proof]:
    """Give what was said, oldest first; a message that the evidence does not quote is quoted from its beginning."""
    left = list(record.evidence)
    said = [sources[source] for source in record.source_ids if source in sources]
    for episode in sorted(said, key=lambda each: each.occurred_at or each.recorded_at):
        quotes = [words for words in left if contains_span(episode.text, words)]
        left = [words for words in left if words not in quotes]
        for words in quotes or [episode.text]:
            yield Proof(
                words=shortened(words, _QUOTE_CHARS),
                speaker=speaker_of(episode),
                said_at=episode.occurred_at or episode.recorded_at,
                message_id=episode.id,
            )
    for words in left:
        yield Proof(words=shortened(words, _QUOTE_CHARS), speaker="", said_at=None, message_id="")
