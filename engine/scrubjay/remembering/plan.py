"""What a set of proposed facts does to what is known: added, the next version of a memory, or nothing new."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.remembering.rows import Occasion, fact_digest, fact_row, read_already
from scrubjay.texts import FUNCTION_WORDS, contains_span, normalised
from scrubjay.types import Event, FactDraft, Kind, MemoryRecord, Scope, State

_MOSTLY_TOLD = 0.5
_WORD = re.compile(r"\w+")
_SAME_MOMENT = timedelta(seconds=1)

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one message or fact. `previous` is the text that an update took the place of."""

    record: MemoryRecord
    event: Event
    previous: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A fact, its id should it be new, and the episode that holds its evidence, if any.

    `role`: who speaks. `refines`: the id of a memory that it says better. `newer`: those of the memories it replaces
    that were said after it; None when nobody knows, so that their dates decide. A suspect one changes nothing.
    """

    draft: FactDraft
    memory_id: str
    source: MemoryRecord | None = None
    role: str = "user"
    state: State = State.READY
    refines: str = ""
    newer: tuple[str, ...] | None = None

    @property
    def source_ids(self) -> tuple[str, ...]:
        """The episode it rests on."""
        return (self.source.id,) if self.source else ()

    def since(self, now: datetime) -> datetime | None:
        """When it became true as far as anybody has said: the draft, or the time of its words. None: from now on."""
        said = self.source.valid_from if self.source else now
        return self.draft.valid_from or (said if said != now else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rows to insert, rows to change, and what to tell about each proposal, in order.

    `refined`: those of the changed rows whose truth has only been said better.
    """

    inserted: tuple[MemoryRecord, ...]
    replaced: tuple[MemoryRecord, ...]
    outcomes: tuple[Outcome, ...]
    refined: frozenset[Key] = frozenset()


_TRUST = {"user": 2, "assistant": 1}


def trust(role: str) -> int:
    """How far the words of a role go: a person's (2) above the assistant's (1), both above tools and documents (0)."""
    return _TRUST.get(role or "user", 0)


def source_of(draft: FactDraft, episodes: Sequence[MemoryRecord], *, field: str) -> MemoryRecord | None:
    """Return the first episode that holds the fact's evidence word for word; None when there are no episodes.

    Raises InvalidInput when there are episodes and none of them holds it.
    """
    if not episodes:
        return None
    if not draft.evidence.strip():
        raise InvalidInput(
            f"{field}.evidence", "is needed when facts come with content or messages; quote the words it rests on"
        )
    for episode in episodes:
        if contains_span(episode.text, draft.evidence):
            return episode
    raise InvalidInput(f"{field}.evidence", "is not a verbatim part of the messages; quote the words exactly")


def outdated_episodes(
    closed: Sequence[MemoryRecord], episodes: Sequence[MemoryRecord], facts: Sequence[MemoryRecord], *, now: datetime
) -> list[MemoryRecord]:
    """Return the episodes whose words are no longer true, closed together with the last fact that rested on them.

    `closed`: the facts that this plan closes. `episodes`: what they rest on. `facts`: every version of every fact
    that rests on those, those that this plan inserts included. An episode that says more than its facts and their
    evidence stays open.
    """
    closed_by_key = {fact.key: fact for fact in closed}
    outdated = []
    for episode in episodes:
        resting = [closed_by_key.get(fact.key, fact) for fact in facts if episode.id in fact.source_ids]
        ends = [fact.valid_to for fact in resting if fact.valid_to is not None]
        told = " ".join(words for fact in resting for words in (fact.text, *fact.evidence))
        all_closed = bool(ends) and len(ends) == len(resting) and max(ends) <= now
        if all_closed and episode.valid_to is None and _share_of_words(episode.text, told) > _MOSTLY_TOLD:
            outdated.append(read_already(replace(episode, valid_to=max(*ends, episode.valid_from))))
    return outdated


def _share_of_words(text: str, quoted: str) -> float:
    words = set(_WORD.findall(normalised(text))) - FUNCTION_WORDS
    return len(words & set(_WORD.findall(normalised(quoted)))) / len(words) if words else 1.0


def plan_facts(
    proposals: Sequence[Proposal],
    occasion: Occasion,
    *,
    known: Sequence[MemoryRecord],
    versions: Sequence[MemoryRecord],
) -> Plan:
    """Decide what each proposal does.

    `known`: rows in the scope of this add that say the same as a proposal, current ones and past ones. `versions`:
    every version, expired ones too, of those and of every memory that a proposal replaces.
    A fact that replaces facts becomes the next version of the first and closes the others; one that replaces words
    closes them; one that says what is known changes nothing but what it is known from; one that was true before what
    it would replace goes into its past. Raises MemoryNotFound for an unknown target, InvalidInput for one that was
    superseded already or that two proposals replace.
    """
    drafting = _Drafting(occasion, known, versions)
    outcomes = tuple(drafting.settle(proposal) for proposal in proposals)
    return Plan(
        inserted=tuple(drafting.inserted.values()),
        replaced=tuple(drafting.replaced.values()),
        outcomes=outcomes,
        refined=frozenset(drafting.refined),
    )


class _Drafting:
    """A plan in the making; what it inserts and changes is seen by the proposals after it."""

    def __init__(self, occasion: Occasion, known: Sequence[MemoryRecord], versions: Sequence[MemoryRecord]) -> None:
        self.inserted: dict[Key, MemoryRecord] = {}
        self.replaced: dict[Key, MemoryRecord] = {}
        self._now = occasion.now
        self._occasion = occasion
        current = [record for record in known if record.is_current(occasion.now)]
        self._known = {record.digest: record for record in current if record.state is not State.SUSPECT}
        self._aside = {record.digest: record for record in current if record.state is State.SUSPECT}
        self._past = {(record.digest, record.valid_from): record.key for record in known if _was_ever_true(record)}
        self._keys: dict[str, list[Key]] = {}
        self._stored = {record.key: record for record in versions}
        for record in self._stored.values():
            self._keys.setdefault(record.id, []).append(record.key)
        self._claimed: set[str] = set()
        self.refined: set[Key] = set()

    def settle(self, proposal: Proposal) -> Outcome:
        if proposal.state is State.SUSPECT:
            return self._keep_aside(proposal)
        if proposal.refines and self._is_free(proposal.refines):
            return self._refine(proposal, self._target(proposal.refines))
        targets = [
            self._target(target_id)
            for target_id in dict.fromkeys(proposal.draft.replaces)
            if proposal.newer is None or self._is_free(target_id)  # what a model wants is not worth an error
        ]
        since, digest = proposal.since(self._now), fact_digest(proposal.draft.text)
        same = self._known.get(digest)
        if same is not None and self._is_known_already(same, since, targets):
            return self._confirm(proposal, same, [target for target in targets if target.id != same.id])
        if same is not None and (proposal.newer is None or self._may_redate(proposal, same)):
            targets = [same, *(target for target in targets if target.id != same.id)]
            self._claimed.add(same.id)
        elif same is not None:
            return self._confirm(proposal, same, [])
        later = [target for target in targets if _is_later(target, proposal, since)]
        earlier = [target for target in targets if target not in later]
        past = self._past.get((digest, since)) if since is not None and not earlier else None
        if past is not None and _was_ever_true(self._row(past)):
            return self._confirm(proposal, self._row(past), [])
        new = self._row_of(proposal, valid_from=since or self._now)
        if later:
            next_one = min(later, key=lambda target: target.valid_from)
            end = next_one.valid_from if new.valid_to is None else min(new.valid_to, next_one.valid_from)
            new = replace(new, valid_to=end, superseded_by=next_one.id)
        return self._replace(earlier, new, proposal.draft)

    def _row_of(self, proposal: Proposal, *, valid_from: datetime) -> MemoryRecord:
        row = fact_row(
            proposal.draft,
            self._occasion,
            memory_id=proposal.memory_id,
            valid_from=valid_from,
            source_ids=proposal.source_ids,
        )
        return replace(row, role=proposal.role, state=proposal.state)

    def _keep_aside(self, proposal: Proposal) -> Outcome:
        """A suspect fact is stored, whatever it would like to replace, unless its words are stored already."""
        digest = fact_digest(proposal.draft.text)
        same = self._known.get(digest) or self._aside.get(digest)
        if same is not None:
            return Outcome(record=same, event=Event.NONE)
        new = self._row_of(proposal, valid_from=proposal.since(self._now) or self._now)
        self.inserted[new.key] = new
        self._keys.setdefault(new.id, []).append(new.key)
        self._aside[digest] = new
        return Outcome(record=new, event=Event.SUSPECT)

    def _refine(self, proposal: Proposal, target: MemoryRecord) -> Outcome:
        """The same truth, said better: the next version, true for as long as the old one was, which never was."""
        same = self._known.get(fact_digest(proposal.draft.text))
        if same is not None:
            return self._confirm(proposal, same, [] if same.id == target.id else [target])
        draft = proposal.draft
        new = replace(
            self._row_of(proposal, valid_from=target.valid_from),
            id=target.id,
            version=max(row.version for row in self._rows(target.id)) + 1,
            valid_to=target.valid_to,
            superseded_by=target.superseded_by,
            entities=tuple(dict.fromkeys((*draft.entities, *target.entities))),
            relations=tuple(dict.fromkeys((*draft.relations, *target.relations))),
            occurred_at=draft.occurred_at or target.occurred_at,
            expires_at=min(filter(None, [draft.expires_at, target.expires_at]), default=None),
            importance=max(draft.importance, target.importance),
            metadata={**target.metadata, **draft.metadata},
        )
        self._put(replace(target, valid_to=target.valid_from))
        self.refined.add(target.key)
        self._known.pop(target.digest, None)
        self.inserted[new.key] = new
        self._keys[new.id].append(new.key)
        self._known[new.digest] = new
        return Outcome(record=new, event=Event.UPDATE, previous=target.text)

    def _may_redate(self, proposal: Proposal, same: MemoryRecord) -> bool:
        """Whether words that a model has read may give a known fact another date: no lesser voice's, no older ones."""
        source = proposal.source
        if source is None or same.id in self._claimed - set(proposal.draft.replaces):
            return False
        if same.scope is Scope.AGENT and same.written_by != source.written_by:
            return False
        return trust(proposal.role) >= trust(same.role) and source.valid_from >= same.recorded_at

    def _is_known_already(self, same: MemoryRecord, since: datetime | None, targets: Sequence[MemoryRecord]) -> bool:
        """Whether a current fact with these words is what is proposed.

        Not when it only becomes true later, nor when it is to end, or another version of it to begin, and the proposal
        replaces just that.
        """
        if same.valid_from > (since or self._now) and same.valid_from > self._now:
            return False
        other_versions = [row for row in self._rows(same.id) if row.key != same.key and row.is_current(self._now)]
        names_itself = any(target.id == same.id for target in targets)
        return not (targets and same.valid_to is not None) and not (names_itself and other_versions)

    def _confirm(self, proposal: Proposal, same: MemoryRecord, others: Sequence[MemoryRecord]) -> Outcome:
        """The fact is known: it comes to rest on these words too, and takes the place of what it replaces."""
        source = proposal.source
        if source is not None and source.id not in same.source_ids:
            sources = same.source_ids or (same.id,)  # stated by itself, it does not rest only on what is added here
            evidence = (*same.evidence, proposal.draft.evidence)
            role = max(same.role or "user", proposal.role, key=trust)  # who has confirmed it stands for it
            same = replace(same, source_ids=(*sources, source.id), evidence=evidence, role=role)
            self._put(same)
        others = [target for target in others if target.id not in (proposal.newer or ())]
        for target in others:
            since = same.valid_from if same.valid_from > target.valid_from else self._now
            self._close(target.id, superseded_by=same.id, at=proposal.since(self._now) or since)
        event = Event.UPDATE if others else Event.NONE
        return Outcome(record=same, event=event, previous=others[0].text if others else "")

    def _replace(self, targets: Sequence[MemoryRecord], new: MemoryRecord, draft: FactDraft) -> Outcome:
        facts = [target for target in targets if target.kind is Kind.FACT]
        if facts:
            version = max(row.version for row in self._rows(facts[0].id)) + 1
            category = new.category if draft.category else facts[0].category
            new = replace(new, id=facts[0].id, version=version, category=category)
        for target in targets:
            self._close(target.id, superseded_by="" if target.id == new.id else new.id, at=new.valid_from)
        self.inserted[new.key] = new
        self._keys.setdefault(new.id, []).append(new.key)
        if new.is_current(self._now):
            self._known[new.digest] = new
        event = Event.UPDATE if targets else Event.ADD
        return Outcome(record=new, event=event, previous=targets[0].text if targets else "")

    def _is_free(self, target_id: str) -> bool:
        return target_id not in self._claimed and any(row.is_current(self._now) for row in self._rows(target_id))

    def _target(self, target_id: str) -> MemoryRecord:
        """Return the version of a memory to replace: the one that holds now, else the one that will."""
        if target_id in self._claimed:
            raise InvalidInput("replaces", f"names {target_id!r} in two facts; join them into one fact")
        rows = self._rows(target_id)
        open_rows = [row for row in rows if row.is_current(self._now)]
        if not open_rows:
            closed_by = next((row.superseded_by for row in rows if row.superseded_by), "")
            if closed_by:
                raise InvalidInput(
                    "replaces", f"names {target_id!r}, which {closed_by!r} has superseded; name that one"
                )
            raise MemoryNotFound(target_id)
        self._claimed.add(target_id)
        return min(open_rows, key=lambda row: row.valid_from)

    def _rows(self, memory_id: str) -> list[MemoryRecord]:
        """Return every version of a memory as it stands in this plan."""
        return [self._row(key) for key in self._keys.get(memory_id, [])]

    def _row(self, key: Key) -> MemoryRecord:
        return self.inserted.get(key) or self.replaced.get(key) or self._stored[key]

    def _close(self, memory_id: str, *, superseded_by: str, at: datetime) -> None:
        """End every version of a memory that would hold after `at`; one that would begin later was never true."""
        for row in self._rows(memory_id):
            if row.valid_to is None or row.valid_to > at:
                if self._known.get(row.digest, row).key == row.key:
                    self._known.pop(row.digest, None)
                successor = superseded_by if row.is_current(self._now) else row.superseded_by
                closed = replace(row, valid_to=max(at, row.valid_from), superseded_by=successor)
                self._put(read_already(closed))

    def _put(self, row: MemoryRecord) -> None:
        (self.inserted if row.key in self.inserted else self.replaced)[row.key] = row
        if row.is_current(self._now):
            self._known[row.digest] = row


def _was_ever_true(record: MemoryRecord) -> bool:
    return record.valid_to is None or record.valid_to > record.valid_from


def _is_later(target: MemoryRecord, proposal: Proposal, since: datetime | None) -> bool:
    """Whether a proposal belongs into the past of what it would replace."""
    if proposal.newer is not None:
        return target.id in proposal.newer
    return since is not None and _is_dated_after(target, since)


def _is_dated_after(target: MemoryRecord, since: datetime) -> bool:
    """Whether the target is known to be true only from a later day on.

    A memory that came without a date is valid from when it was recorded, which says nothing about when it became
    true; and dates alone are whole days.
    """
    was_stated = abs(target.recorded_at - target.valid_from) > _SAME_MOMENT
    return was_stated and target.valid_from.date() > since.date()
