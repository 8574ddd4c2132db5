"""The values that pass between the rooms: frozen, and checked where they are built."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from scrubjay.errors import InvalidInput, NotAllowed, OwnerRequired
from scrubjay.rights import EVERY_RIGHT, WITHIN_AGENT, Right, grants
from scrubjay.texts import checked, fitting

MAX_TEXT_CHARS = 200_000
MAX_QUERY_CHARS = 20_000
MAX_NAME_CHARS = 256
MAX_METADATA_CHARS = 16_000
MAX_METADATA_DEPTH = 32
MAX_PER_FACT = 1_000
MAX_BATCH = 1_000
MAX_LIMIT = 10_000
PREFIX_CHARS = 6

JsonObject = Mapping[str, Any]
"""A JSON object as it was parsed: text keys, values of JSON's types."""


class Scope(StrEnum):
    """Whose memory: a person's, one conversation's, or what the assistant itself learned."""

    USER = "user"
    SESSION = "session"
    AGENT = "agent"


class Kind(StrEnum):
    """A fact is one self-contained sentence; an episode is words as they were said."""

    FACT = "fact"
    EPISODE = "episode"


class State(StrEnum):
    """Whether a memory is recalled by default (`suspect` is not) and whether its extraction is still to come."""

    READY = "ready"
    PENDING = "pending"
    SUSPECT = "suspect"


class Category(StrEnum):
    """What a fact is about."""

    IDENTITY = "identity"
    PREFERENCE = "preference"
    GOAL = "goal"
    CONSTRAINT = "constraint"
    PROJECT = "project"
    SKILL = "skill"
    RELATIONSHIP = "relationship"
    EVENT = "event"
    INSTRUCTION = "instruction"
    KNOWLEDGE = "knowledge"
    OTHER = "other"


class Event(StrEnum):
    """What an add did: stored, made the next version, changed nothing, waits for extraction, needs confirming."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    NONE = "NONE"
    PENDING = "PENDING"
    SUSPECT = "SUSPECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose table: a person's (`user`), else an agent's, else a session's. `name` is their id in the tenant.

    Raises InvalidInput for names that cannot be stored whole.
    """

    tenant: str
    scope: Scope
    name: str

    def __post_init__(self) -> None:
        checked(self.tenant, field="tenant", longest=MAX_NAME_CHARS)
        checked(self.name, field=f"{self.scope}_id", longest=MAX_NAME_CHARS)

    @property
    def digest(self) -> str:
        """32 characters of a-z2-7 that stand for the owner in file names; no id can be hostile in this form."""
        border_safe = json.dumps([self.tenant, self.scope.value, self.name]).encode()
        return base64.b32encode(hashlib.sha256(border_safe).digest()).decode().lower()[:32]

    @property
    def prefix(self) -> str:
        """The first 6 characters of the digest, with which the ids of this owner's memories begin."""
        return self.digest[:PREFIX_CHARS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """Which rows of an owner's table a caller sees; of session memories only those of `session_id`."""

    scopes: frozenset[Scope]
    session_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as the launch configuration, the token or the library's caller says; never as a model says."""

    tenant: str = "local"
    user_id: str = ""
    agent_id: str = ""
    session_id: str = ""
    written_by: str = ""
    origin: str = ""
    rights: frozenset[Right] = EVERY_RIGHT

    def __post_init__(self) -> None:
        for name in ("user_id", "agent_id", "session_id", "written_by", "origin"):
            fitting(getattr(self, name), field=name, longest=MAX_NAME_CHARS)

    def require(self, right: Right, owner: Owner | None = None) -> None:
        """Raise NotAllowed unless this caller may do so, with the memories of `owner` if one is named."""
        needed = WITHIN_AGENT.get(right, right) if owner and owner.scope is Scope.AGENT else right
        if not grants(self.rights, needed):
            raise NotAllowed(needed)

    @property
    def home(self) -> Owner:
        """The owner of what this caller says about themselves; raises OwnerRequired when nobody is named."""
        for scope, name in (
            (Scope.USER, self.user_id),
            (Scope.AGENT, self.agent_id),
            (Scope.SESSION, self.session_id),
        ):
            if name:
                return Owner(tenant=self.tenant, scope=scope, name=name)
        raise OwnerRequired("name whose memory is meant: pass user_id, agent_id or run_id")

    def owner_of(self, scope: Scope) -> Owner:
        """The owner of the table in which memories of `scope` lie.

        Raises InvalidInput for a scope whose owner the caller does not name.
        """
        if scope is Scope.SESSION and not self.session_id:
            raise InvalidInput(
                "session_id",
                "is needed for scope 'session'; choose one id for this conversation and pass it in each call",
            )
        if scope is Scope.SESSION:
            return self.home
        name = self.user_id if scope is Scope.USER else self.agent_id
        if not name:
            raise InvalidInput(f"{scope}_id", f"is needed for scope {scope.value!r}")
        return Owner(tenant=self.tenant, scope=scope, name=name)

    def readable(self, scope: Scope | None) -> list[tuple[Owner, Visibility]]:
        """The tables and rows that this caller may recall, `scope` None meaning all of them.

        Session memories need the session, so without a `session_id` all of them means none of those.
        """
        if scope is not None:
            return [(self.owner_of(scope), Visibility(scopes=frozenset({scope}), session_id=self.session_id))]
        scopes = {self.home.scope} | ({Scope.SESSION} if self.session_id else set())
        tables = [(self.home, Visibility(scopes=frozenset(scopes), session_id=self.session_id))]
        if self.agent_id and self.home.scope is not Scope.AGENT:
            tables.append((self.owner_of(Scope.AGENT), Visibility(scopes=frozenset({Scope.AGENT}))))
        return tables

    def owners(self) -> list[Owner]:
        """Every owner whose ids this caller may name."""
        return list(dict.fromkeys(owner for owner, _ in self.readable(None)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """An edge of the graph: two entities and what one is to the other."""

    subject: str
    predicate: str
    object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something said: by whom, and when (`time` None when the caller did not say)."""

    content: str
    role: str = "user"
    name: str = ""
    time: datetime | None = None
    metadata: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked(self.content, field="content", longest=MAX_TEXT_CHARS)
        checked(self.role, field="role", longest=MAX_NAME_CHARS)
        fitting(self.name, field="name", longest=MAX_NAME_CHARS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactDraft:
    """A fact as the calling assistant proposes it.

    `replaces` names memories it supersedes; without a `category` it takes that of the first of them, else `other`.
    `valid_to` None: true until something replaces it.
    """

    text: str
    category: Category | None = None
    entities: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    evidence: str = ""
    occurred_at: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    expires_at: datetime | None = None
    importance: float = 0.5
    replaces: tuple[str, ...] = ()
    metadata: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked(self.text, field="text", longest=MAX_TEXT_CHARS)
        fitting(self.evidence, field="evidence", longest=MAX_TEXT_CHARS)
        for field_name in ("entities", "relations", "replaces"):
            if (number := len(getattr(self, field_name))) > MAX_PER_FACT:
                raise InvalidInput(field_name, f"has {number:,} items, the most is {MAX_PER_FACT:,}")
        for entity in self.entities:
            checked(entity, field="entities", longest=MAX_NAME_CHARS)
        for relation in self.relations:
            for part in (relation.subject, relation.predicate, relation.object):
                checked(part, field="relations", longest=MAX_NAME_CHARS)
        if not 0 <= self.importance <= 1:
            raise InvalidInput("importance", f"is {self.importance}; it lies between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecord:
    """One version of one memory, as the store keeps it; the vector stays in the store.

    `lexical` is what full-text search reads and `digest` what makes adding the same again a no-op. A version is true
    from `valid_from` until `valid_to` (None: still); one whose ends meet was never true. Moments are UTC.
    """

    id: str
    version: int = 1
    tenant: str
    user_id: str = ""
    agent_id: str = ""
    session_id: str = ""
    scope: Scope
    written_by: str = ""
    kind: Kind
    text: str
    lexical: str
    digest: str
    category: str = ""
    entities: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    source_ids: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    role: str = ""
    name: str = ""
    turn: int = 0
    importance: float = 0.5
    recorded_at: datetime
    occurred_at: datetime | None = None
    valid_from: datetime
    valid_to: datetime | None = None
    superseded_by: str = ""
    expires_at: datetime | None = None
    origin: str = ""
    state: State = State.READY
    attempts: int = 0
    metadata: JsonObject = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int]:
        """What tells this version from every other row of its owner: id and version."""
        return (self.id, self.version)

    def is_current(self, now: datetime) -> bool:
        """Whether it is true now or later, and not expired."""
        return not self.has_ended(now) and self.is_alive(now)

    def has_ended(self, now: datetime) -> bool:
        """Whether it is no longer true, or never was."""
        return self.valid_to is not None and (self.valid_to <= now or self.valid_to <= self.valid_from)

    def is_alive(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or self.expires_at > now


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows of one owner's table; every condition given must hold, None means any.

    `current_at`: true at that time or later and not expired. `ended_at`: not true at that time, nor ever after.
    `as_of`: true at that time (valid time only).
    `alive_at`: not expired; `expired_at`: expired by then. `since` and `until` are inclusive and look at when it
    happened or was said, else at when it became true. `metadata` compares by equality. `rests_on`: facts with one of
    these episodes as a source; `unclaimed`: all rows but the episodes that some fact rests on (a suspect one does not
    count). `entity`: facts that name it, by any of its names (aliases are those in facts that are visible, too), and
    the episodes they rest on.
    """

    visible: Visibility | None = None
    ids: tuple[str, ...] | None = None
    without_ids: tuple[str, ...] = ()
    digests: tuple[str, ...] | None = None
    kind: Kind | None = None
    states: frozenset[State] | None = None
    category: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    current_at: datetime | None = None
    ended_at: datetime | None = None
    as_of: datetime | None = None
    alive_at: datetime | None = None
    expired_at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    rests_on: tuple[str, ...] | None = None
    unclaimed: bool = False
    entity: str | None = None
    superseded_by: tuple[str, ...] | None = None
    session_id: str | None = None
    written_by: str | None = None


PENDING = Filter(kind=Kind.EPISODE, states=frozenset({State.PENDING}))
"""What waits to be read for facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a listing stands: just after the row with these values, newest first."""

    recorded_at: datetime
    id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A search result: a memory and its score in [0, 1], higher is better."""

    record: MemoryRecord
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A memory as it is shown: whole, or `truncated` to an excerpt and its main fields to keep a budget.

    `brief`: without the fields that say what is usual, so that more memories fit a budget.
    """

    record: MemoryRecord
    score: float | None = None
    truncated: bool = False
    brief: bool = False
