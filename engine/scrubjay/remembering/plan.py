"""What a set of proposed facts does to what is known: added, the next version of a memory, or nothing new."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.remembering.rows import Occasion, fact_digest, fact_row
from scrubjay.texts import contains_span, normalised
from scrubjay.types import Event, FactDraft, Kind, MemoryRecord

_MOSTLY_QUOTED = 0.5
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
    """A fact, the random part of its id should it be new, and the episode that holds its evidence, if any."""

    draft: FactDraft
    token: str
    source: MemoryRecord | None = None

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
    """Rows to insert, rows to change, and what to tell about each proposal, in order."""

    inserted: tuple[MemoryRecord, ...]
    replaced: tuple[MemoryRecord, ...]
    outcomes: tuple[Outcome, ...]


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
    that rests on those. An episode that says more than its facts' evidence stays open: nobody has read the rest.
    """
    closed_by_key = {fact.key: fact for fact in closed}
    outdated = []
    for episode in episodes:
        resting = [closed_by_key.get(fact.key, fact) for fact in facts if episode.id in fact.source_ids]
        ends = [fact.valid_to for fact in resting if fact.valid_to is not None]
        evidence = " ".join(words for fact in resting for words in fact.evidence)
        all_closed = bool(ends) and len(ends) == len(resting) and max(ends) <= now
        if all_closed and episode.valid_to is None and _share_of_words(episode.text, evidence) >= _MOSTLY_QUOTED:
            outdated.append(replace(episode, valid_to=max(*ends, episode.valid_from)))
    return outdated


def _share_of_words(text: str, quoted: str) -> float:
    words = set(normalised(text).split())
    return len(words & set(normalised(quoted).split())) / len(words) if words else 0.0


def plan_facts(
    proposals: Sequence[Proposal],
    occasion: Occasion,
    *,
    known: Sequence[MemoryRecord],
    targets: Sequence[MemoryRecord],
) -> Plan:
    """Decide what each proposal does.

    `known`: rows in the scope of this add that say the same as a proposal, current ones and past ones. `targets`:
    every version, expired ones too, of every memory that a proposal replaces.
    A fact that replaces facts becomes the next version of the first and closes the others; one that replaces words
    closes them; one that says what is known changes nothing but what it is known from; one that was true before what
    it would replace goes into its past. Raises MemoryNotFound for an unknown target, InvalidInput for one that was
    superseded already or that two proposals replace.
    """
    drafting = _Drafting(occasion, known, targets)
    outcomes = tuple(drafting.settle(proposal) for proposal in proposals)
    return Plan(
        inserted=tuple(drafting.inserted.values()), replaced=tuple(drafting.replaced.values()), outcomes=outcomes
    )


class _Drafting:
    """A plan in the making; what it inserts and changes is seen by the proposals after it."""

    def __init__(self, occasion: Occasion, known: Sequence[MemoryRecord], targets: Sequence[MemoryRecord]) -> None:
        self.inserted: dict[Key, MemoryRecord] = {}
        self.replaced: dict[Key, MemoryRecord] = {}
        self._occasion = occasion
        self._known = {record.digest: record for record in known if record.is_current(occasion.now)}
        self._past = {(record.digest, record.valid_from): record for record in known}
        self._versions: dict[str, list[MemoryRecord]] = {}
        for record in targets:
            self._versions.setdefault(record.id, []).append(record)
        self._claimed: set[str] = set()

    def settle(self, proposal: Proposal) -> Outcome:
        targets = [self._target(target_id) for target_id in dict.fromkeys(proposal.draft.replaces)]
        since = proposal.since(self._occasion.now)
        same = self._known.get(fact_digest(proposal.draft.text))
        if same is not None:
            return self._known_already(proposal, same, [target for target in targets if target.id != same.id])
        if since is not None and (past := self._past.get((fact_digest(proposal.draft.text), since))) is not None:
            return Outcome(record=past, event=Event.NONE)
        later = [] if since is None else [target for target in targets if _is_dated_after(target, since)]
        earlier = [target for target in targets if target not in later]
        begins = since or max([self._occasion.now, *(target.valid_from for target in earlier)])
        new = fact_row(
            proposal.draft, self._occasion, token=proposal.token, valid_from=begins, source_ids=proposal.source_ids
        )
        if later:
            next_one = min(later, key=lambda target: target.valid_from)
            new = replace(new, valid_to=next_one.valid_from, superseded_by=next_one.id)
        return self._replace(earlier, new)

    def _known_already(self, proposal: Proposal, same: MemoryRecord, others: Sequence[MemoryRecord]) -> Outcome:
        """The fact is known: it comes to rest on these words too, and takes the place of what it replaces."""
        source = proposal.source
        if source is not None and source.id not in same.source_ids:
            same = replace(
                same,
                source_ids=(*same.source_ids, source.id),
                evidence=(*same.evidence, proposal.draft.evidence),
            )
            self._put(same)
        now = self._occasion.now
        for target in others:
            stated = proposal.since(now) or (same.valid_from if same.valid_from > target.valid_from else now)
            self._close(target, superseded_by=same.id, at=stated)
        return Outcome(
            record=same, event=Event.UPDATE if others else Event.NONE, previous=others[0].text if others else ""
        )

    def _replace(self, targets: Sequence[MemoryRecord], new: MemoryRecord) -> Outcome:
        facts = [target for target in targets if target.kind is Kind.FACT]
        if facts:
            version = max(row.version for row in self._versions[facts[0].id]) + 1
            new = replace(new, id=facts[0].id, version=version)
        for target in targets:
            self._close(target, superseded_by="" if target.id == new.id else new.id, at=new.valid_from)
        self.inserted[new.key] = new
        self._known[new.digest] = new
        event = Event.UPDATE if targets else Event.ADD
        return Outcome(record=new, event=event, previous=targets[0].text if targets else "")

    def _target(self, target_id: str) -> MemoryRecord:
        """Return the version of a memory to replace: the one that holds now, else the one that will."""
        if target_id in self._claimed:
            raise InvalidInput("replaces", f"names {target_id!r} in two facts; join them into one fact")
        rows = self._versions.get(target_id, [])
        open_rows = [row for row in rows if row.is_current(self._occasion.now)]
        if not open_rows:
            closed_by = next((row.superseded_by for row in rows if row.superseded_by), "")
            if closed_by:
                raise InvalidInput(
                    "replaces", f"names {target_id!r}, which {closed_by!r} has superseded; name that one"
                )
            raise MemoryNotFound(target_id)
        self._claimed.add(target_id)
        return min(open_rows, key=lambda row: row.valid_from)

    def _close(self, target: MemoryRecord, *, superseded_by: str, at: datetime) -> None:
        """Close every open version of a memory; one that would only have begun later was never true."""
        for row in self._versions[target.id]:
            if row.is_current(self._occasion.now):
                self._known.pop(row.digest, None)
                self._put(replace(row, valid_to=max(at, row.valid_from), superseded_by=superseded_by))

    def _put(self, row: MemoryRecord) -> None:
        (self.inserted if row.key in self.inserted else self.replaced)[row.key] = row
        if row.is_current(self._occasion.now):
            self._known[row.digest] = row


def _is_dated_after(target: MemoryRecord, since: datetime) -> bool:
    """Whether the target is known to be true only from a later day on.

    A memory that came without a date is valid from when it was recorded, which says nothing about when it became
    true; and dates alone are whole days.
    """
    was_stated = abs(target.recorded_at - target.valid_from) > _SAME_MOMENT
    return was_stated and target.valid_from.date() > since.date()
