"""What a set of proposed facts does to what is known: added, the next version of a memory, or nothing new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.remembering.rows import Occasion, fact_digest, fact_row
from scrubjay.texts import contains_span, normalised
from scrubjay.types import Event, FactDraft, MemoryRecord

_MOSTLY_QUOTED = 0.5


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

    def valid_from(self, now: datetime) -> datetime:
        """When it became true: as the draft says, else when its source was said, else now."""
        return self.draft.valid_from or (self.source.valid_from if self.source else now)


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
    if not draft.evidence:
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
    known_by_digest: Mapping[str, MemoryRecord],
    target_by_id: Mapping[str, MemoryRecord],
) -> Plan:
    """Decide what each proposal does; both mappings hold current versions in the scope of this add.

    A fact that replaces memories becomes the next version of the first and closes the others; one that says what is
    known already changes nothing; one that was true before what it would replace goes into the past of it.
    Raises MemoryNotFound for an unknown target and InvalidInput for one that two facts want to replace.
    """
    drafting = _Drafting(occasion, dict(known_by_digest), target_by_id)
    outcomes = tuple(drafting.settle(proposal) for proposal in proposals)
    return Plan(inserted=tuple(drafting.inserted), replaced=tuple(drafting.replaced), outcomes=outcomes)


class _Drafting:
    def __init__(
        self, occasion: Occasion, known: dict[str, MemoryRecord], target_by_id: Mapping[str, MemoryRecord]
    ) -> None:
        self.inserted: list[MemoryRecord] = []
        self.replaced: list[MemoryRecord] = []
        self._occasion = occasion
        self._known = known
        self._target_by_id = target_by_id
        self._closed: set[str] = set()

    def settle(self, proposal: Proposal) -> Outcome:
        draft, now = proposal.draft, self._occasion.now
        targets = [self._target(target_id) for target_id in dict.fromkeys(draft.replaces)]
        same = self._known.get(fact_digest(draft.text))
        others = [target for target in targets if same is None or target.id != same.id]
        said_at = same.valid_from if same else proposal.valid_from(now)
        # Without a date of its own it holds from now on, or from when what it replaces would have begun to hold.
        since = said_at if said_at != now else max([now, *(target.valid_from for target in others)])
        source_ids = (proposal.source.id,) if proposal.source else ()
        new = fact_row(draft, self._occasion, token=proposal.token, valid_from=since, source_ids=source_ids)
        newer = next((target for target in others if target.valid_from > since), None)
        if newer is not None and same is None:
            return self._insert(replace(new, valid_to=newer.valid_from, superseded_by=newer.id))
        if same is not None:
            self._close(others, superseded_by=same.id, at=since)
            return Outcome(record=same, event=Event.UPDATE if others else Event.NONE, previous=_first_text(others))
        if not others:
            return self._insert(new)
        first = others[0]
        self._close(others[:1], superseded_by="", at=since)
        self._close(others[1:], superseded_by=first.id, at=since)
        added = self._insert(replace(new, id=first.id, version=first.version + 1))
        return replace(added, event=Event.UPDATE, previous=first.text)

    def _target(self, target_id: str) -> MemoryRecord:
        if target_id in self._closed:
            raise InvalidInput("replaces", f"names {target_id!r} in two facts; join them into one fact")
        if target_id not in self._target_by_id:
            raise MemoryNotFound(target_id)
        return self._target_by_id[target_id]

    def _insert(self, record: MemoryRecord) -> Outcome:
        self.inserted.append(record)
        self._known[record.digest] = record
        return Outcome(record=record, event=Event.ADD)

    def _close(self, targets: Sequence[MemoryRecord], *, superseded_by: str, at: datetime) -> None:
        for target in targets:
            self._closed.add(target.id)
            self.replaced.append(replace(target, valid_to=max(at, target.valid_from), superseded_by=superseded_by))


def _first_text(records: Sequence[MemoryRecord]) -> str:
    return records[0].text if records else ""
