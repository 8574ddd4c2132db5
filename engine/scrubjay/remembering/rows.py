"""Messages and facts as rows: their ids, digests and the text that full-text search reads."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from scrubjay.texts import digest_of, normalised, visible
from scrubjay.types import (
    MAX_NAME_CHARS,
    Caller,
    Category,
    FactDraft,
    Kind,
    MemoryRecord,
    Message,
    Owner,
    Scope,
    State,
    Visibility,
)

SHORT_REPLY_WORDS = 50
"""Up to this length a message leans on the one before it ("Yes, in Lisbon."), so that one is indexed with it.

Measured on LoCoMo (recall@10 of full-text search): .612 without, .697 with; long messages gain nothing.
"""
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What all rows of one add share: for whom, in which scope, when, and until when they live."""

    caller: Caller
    owner: Owner
    scope: Scope
    now: datetime
    expires_at: datetime | None = None

    @property
    def visible(self) -> Visibility:
        """The rows in the same scope, which this add may find, replace and be compared with."""
        return Visibility(scopes=frozenset({self.scope}), session_id=self.caller.session_id)

    def identity(self) -> dict[str, Any]:
        """The columns that say whose row it is and who wrote it."""
        names = {"user_id": self.caller.user_id, "agent_id": self.caller.agent_id, "session_id": self.caller.session_id}
        if self.scope is Scope.AGENT:
            names["user_id"] = ""  # what the agent learned is about no person; `written_by` knows who was there
        return {
            **names,
            "tenant": self.owner.tenant,
            "written_by": self.caller.written_by or self.caller.user_id,
            "origin": self.caller.origin,
        }


def occasion_of(episode: MemoryRecord, owner: Owner, *, now: datetime, extractor: str) -> Occasion:
    """Return the occasion on which facts are drawn from an episode: as the one it was told on, but now."""
    caller = Caller(
        tenant=episode.tenant,
        user_id=episode.user_id,
        agent_id=episode.agent_id,
        session_id=episode.session_id,
        written_by=episode.written_by,
        origin=f"{episode.origin} via {extractor}"[:MAX_NAME_CHARS],
    )
    return Occasion(caller=caller, owner=owner, scope=episode.scope, now=now, expires_at=episode.expires_at)


def memory_id(owner: Owner, token: str) -> str:
    """Return an id: the owner's prefix, which locates the table, and a random part."""
    return owner.prefix + token


def lexical_text(text: str, *, when: datetime, name: str = "", previous: str = "") -> str:
    """Return what full-text search reads: the day in words, the turn before a short reply, who speaks, the text."""
    day = f"{_DAYS[when.weekday()]} {when.day} {_MONTHS[when.month - 1]} {when.year}"
    leaned_on = previous if len(text.split()) <= SHORT_REPLY_WORDS else ""
    return "\n".join(visible(part) for part in (day, leaned_on, name, text) if part)


def episode_digest(message: Message, *, session_id: str) -> str:
    """Return what makes a message the same as one sent before."""
    said = message.time.isoformat() if message.time else ""
    return digest_of([Kind.EPISODE, normalised(message.content), message.role, message.name, session_id, said])


def fact_digest(text: str) -> str:
    """Return what makes a fact the same as a known one."""
    return digest_of([Kind.FACT, normalised(text)])


def episode_row(
    message: Message, occasion: Occasion, *, token: str, turn: int, previous: str, state: State = State.READY
) -> MemoryRecord:
    """Return the row of something said; it is valid from the message's own time."""
    when = message.time or occasion.now
    return MemoryRecord(
        **occasion.identity(),
        id=memory_id(occasion.owner, token),
        scope=occasion.scope,
        kind=Kind.EPISODE,
        text=message.content,
        lexical=lexical_text(message.content, when=when, name=message.name, previous=previous),
        digest=episode_digest(message, session_id=occasion.caller.session_id),
        role=message.role,
        name=message.name,
        turn=turn,
        recorded_at=occasion.now,
        occurred_at=when,
        valid_from=when,
        expires_at=occasion.expires_at,
        state=state,
        metadata=message.metadata,
    )


def fact_row(
    draft: FactDraft, occasion: Occasion, *, memory_id: str, valid_from: datetime, source_ids: tuple[str, ...]
) -> MemoryRecord:
    """Return the row of a new fact."""
    return MemoryRecord(
        **occasion.identity(),
        id=memory_id,
        scope=occasion.scope,
        kind=Kind.FACT,
        text=draft.text,
        lexical=lexical_text(draft.text, when=draft.occurred_at or valid_from),
        digest=fact_digest(draft.text),
        category=draft.category or Category.OTHER,
        entities=draft.entities,
        relations=draft.relations,
        source_ids=source_ids,
        evidence=(draft.evidence,) if draft.evidence else (),
        importance=draft.importance,
        recorded_at=occasion.now,
        occurred_at=draft.occurred_at,
        valid_from=valid_from,
        valid_to=draft.valid_to,
        expires_at=draft.expires_at or occasion.expires_at,
        metadata=draft.metadata,
    )


def corrected(old: MemoryRecord, text: str, *, version: int, now: datetime, written_by: str) -> MemoryRecord:
    """Return the next version of a memory with another text; it is valid from when the old one was.

    Entities that the text no longer names go, and so do the relations, which nobody has read from the new text.
    """
    digest = fact_digest(text) if old.kind is Kind.FACT else _corrected_digest(old, text)
    return replace(
        old,
        version=version,
        text=text,
        lexical=lexical_text(text, when=old.occurred_at or old.valid_from, name=old.name),
        digest=digest,
        entities=tuple(entity for entity in old.entities if entity.casefold() in text.casefold()),
        relations=(),
        recorded_at=now,
        written_by=written_by or old.written_by,
    )


def restored(old: MemoryRecord, *, version: int, now: datetime, written_by: str) -> MemoryRecord:
    """Return the next version of a memory that says what an older one said; it is valid from now on."""
    when = old.occurred_at or now
    return replace(
        old,
        version=version,
        lexical=old.lexical if old.kind is Kind.EPISODE else lexical_text(old.text, when=when, name=old.name),
        recorded_at=now,
        valid_from=now,
        valid_to=None,
        superseded_by="",
        state=State.READY,
        attempts=0,
        written_by=written_by or old.written_by,
    )


def ended(row: MemoryRecord, *, now: datetime) -> MemoryRecord:
    """Return a version that holds no longer than now; one that would begin later was never true."""
    return read_already(replace(row, valid_to=max(now, row.valid_from)))


def never_true(old: MemoryRecord) -> MemoryRecord:
    """Return a version whose wording was wrong from the start."""
    return read_already(replace(old, valid_to=old.valid_from))


def read_already(row: MemoryRecord) -> MemoryRecord:
    """Return a row that nobody needs to read for facts any more."""
    return replace(row, state=State.READY) if row.state is State.PENDING else row


def _corrected_digest(old: MemoryRecord, text: str) -> str:
    said = Message(content=old.text, role=old.role or "user", name=old.name, time=old.occurred_at)
    was_dated = old.digest == episode_digest(said, session_id=old.session_id)
    new = replace(said, content=text, time=old.occurred_at if was_dated else None)
    return episode_digest(new, session_id=old.session_id)
