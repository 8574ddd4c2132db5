"""What an extractor read, checked item by item and made into proposals; nothing of it is trusted.

An item is dropped when its evidence is no span of its source. One that may not change what it wants to change is kept
as a new fact beside it, and the two are reported as a conflict: in doubt both stay.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scrubjay.readings import About, Bearing, ExtractedFact
from scrubjay.remembering.dates import date_of, day_named_in
from scrubjay.remembering.plan import Proposal
from scrubjay.remembering.suspicion import suspicion
from scrubjay.remembering.windows import Passage
from scrubjay.texts import normalised, quoted_from, visible
from scrubjay.types import MAX_NAME_CHARS, Category, FactDraft, MemoryRecord, Relation, Scope, State

MAX_FACT_CHARS = 2_000
_MOST_NAMES = 30
_TRUST = {"user": 2, "assistant": 1}  # of everybody else's words (tools, documents): 0
_FIGURES = re.compile(r"\d+")
_PEOPLE = {"user", "the user", "assistant", "the assistant"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A memory that the extractor was shown, and when it was said last; `is_open` while just this version holds."""

    record: MemoryRecord
    said_at: datetime
    is_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """Proposals for the plan, the ids of known memories that some of them contradict, and how many items fell out."""

    proposals: tuple[Proposal, ...]
    conflicts: tuple[str, ...]
    dropped: int


def reconcile(
    items: Sequence[ExtractedFact],
    passages: Sequence[Passage],
    known: Sequence[Known],
    *,
    scope: Scope,
    new_token: Callable[[], str],
) -> Reconciled:
    """Return what is left of the items, in order, after every check."""
    claimed: set[str] = set()
    conflicts: dict[str, None] = {}
    proposals: list[Proposal] = []
    for item in items:
        judged = _judged(item, passages, known, scope=scope, claimed=claimed)
        if judged is not None:
            proposal, disputed = judged
            proposals.append(replace(proposal, token=new_token()))
            claimed.update(proposal.draft.replaces, filter(None, [proposal.refines]))
            conflicts.update(dict.fromkeys(disputed))
    return Reconciled(proposals=tuple(proposals), conflicts=tuple(conflicts), dropped=len(items) - len(proposals))


def _judged(
    item: ExtractedFact,
    passages: Sequence[Passage],
    known: Sequence[Known],
    *,
    scope: Scope,
    claimed: Collection[str],
) -> tuple[Proposal, list[str]] | None:
    """Return one item as a proposal and the memories it contradicts; None when it falls out."""
    if not 0 <= item.source < len(passages):
        return None
    passage = passages[item.source]
    evidence = quoted_from(passage.text, item.evidence)
    targets = [known[number] for number in dict.fromkeys(item.targets) if 0 <= number < len(known)]
    text = _text_of(item, targets)
    if not evidence or not text or (scope is Scope.AGENT and item.about is About.USER):
        return None
    if _trust(passage.episode) < _TRUST["user"] and any(_quotes(evidence, one.record) for one in known):
        return None  # memory's own words, coming back
    proposal = Proposal(
        draft=_draft(item, passage, text, evidence),
        token="",
        source=passage.episode,
        role=passage.episode.role,
        newer=(),
        state=State.SUSPECT if _is_suspect(item, passage, text, evidence) else State.READY,
    )
    if proposal.state is State.SUSPECT:
        return proposal, []
    return _bearing(item.bearing, proposal, targets, claimed)


def _text_of(item: ExtractedFact, targets: Sequence[Known]) -> str:
    """Return the fact's text; of a duplicate, the text of what it duplicates. "" when there is none to store."""
    if _is_duplicate(item, targets):
        return targets[0].record.text
    text = " ".join(visible(item.text).split())
    return text if len(text) <= MAX_FACT_CHARS and _is_encodable(text) else ""


def _is_duplicate(item: ExtractedFact, targets: Sequence[Known]) -> bool:
    """Whether an item says no more than its target; with other figures in it, it does, whatever it claims."""
    if item.bearing is not Bearing.DUPLICATE or not targets or not targets[0].is_open:
        return False
    return not item.text.strip() or _figures(item.text) == _figures(targets[0].record.text)


def _figures(text: str) -> set[str]:
    return set(_FIGURES.findall(text))


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _trust(row: MemoryRecord) -> int:
    """How far the words of whoever spoke go: a person's above the assistant's, both above tools and documents."""
    return _TRUST.get(row.role or "user", 0)


def _quotes(evidence: str, known: MemoryRecord) -> bool:
    return normalised(evidence) in normalised(known.text)


def _is_suspect(item: ExtractedFact, passage: Passage, text: str, evidence: str) -> bool:
    ordered_by_a_document = item.category is Category.INSTRUCTION and not _trust(passage.episode)
    return ordered_by_a_document or bool(suspicion(text) or suspicion(evidence))


def _draft(item: ExtractedFact, passage: Passage, text: str, evidence: str) -> FactDraft:
    said_at = passage.episode.valid_from
    valid_from = date_of(item.valid_from, said_at=said_at)
    valid_to = date_of(item.valid_to, said_at=said_at)
    occurred = date_of(item.occurred, said_at=said_at) or day_named_in(evidence, said_at=said_at)
    if occurred is None and valid_from not in {None, said_at}:
        occurred = said_at  # when it was said, where that is not when it became true
    names = _Grounds(passage, text)
    mine = item.category if item.category is not Category.INSTRUCTION or _trust(passage.episode) > 1 else Category.OTHER
    return FactDraft(
        text=text,
        category=mine,
        entities=tuple(dict.fromkeys(name for name in item.entities if names.hold(name)))[:_MOST_NAMES],
        relations=tuple(relation for relation in item.relations if names.hold_relation(relation))[:_MOST_NAMES],
        evidence=evidence,
        occurred_at=occurred,
        valid_from=valid_from,
        # The end of a state that was over when it was told is no end of what the sentence says about it.
        valid_to=valid_to if valid_to and valid_to > max(said_at, valid_from or said_at) else None,
        importance=item.importance if 0 <= item.importance <= 1 else 0.5,
        metadata=passage.episode.metadata,
    )


class _Grounds:
    """Where names must come from: the fact, the message it was read in, or whoever spoke."""

    def __init__(self, passage: Passage, text: str) -> None:
        self._text = normalised(f"{text}\n{passage.text}\n{passage.episode.name}")

    def hold(self, name: str) -> bool:
        plain = normalised(name)
        return bool(plain) and len(name) <= MAX_NAME_CHARS and plain in self._text

    def hold_relation(self, relation: Relation) -> bool:
        ends = (relation.subject, relation.object)
        named = all(self.hold(end) or normalised(end) in _PEOPLE for end in ends)
        return named and 0 < len(relation.predicate.strip()) <= MAX_NAME_CHARS


def _bearing(
    bearing: Bearing, proposal: Proposal, targets: Sequence[Known], claimed: Collection[str]
) -> tuple[Proposal, list[str]]:
    """Let a proposal change what it may change; everything else that it bears on is reported."""
    ids = [one.record.id for one in targets]
    if bearing is Bearing.SUPERSEDES:
        allowed = {one.record.id: one for one in targets if _may_change(proposal, one, claimed)}
        newer = {i for i, one in allowed.items() if _said_before(proposal, one)}
        disputed = [one for i, one in allowed.items() if i in newer and not _began_before(proposal, one)]
        replaced = tuple(i for i, one in allowed.items() if one not in disputed)
        changed = replace(
            proposal, draft=replace(proposal.draft, replaces=replaced), newer=tuple(newer.intersection(replaced))
        )
        return changed, [i for i in ids if i not in replaced]
    if bearing is Bearing.REFINES and targets:
        target = targets[0]
        if _may_change(proposal, target, claimed) and not _said_before(proposal, target):
            return replace(proposal, refines=target.record.id), []
        return proposal, ids[:1]
    return proposal, ids if bearing is Bearing.CONFLICTS or _is_disputed_duplicate(bearing, proposal, targets) else []


def _is_disputed_duplicate(bearing: Bearing, proposal: Proposal, targets: Sequence[Known]) -> bool:
    return bearing is Bearing.DUPLICATE and bool(targets) and proposal.draft.text != targets[0].record.text


def _may_change(proposal: Proposal, target: Known, claimed: Collection[str]) -> bool:
    """Whether this version still holds, nothing else changes it, and no lesser voice retires a greater one's words."""
    source = proposal.source
    heard = source is None or _trust(source) >= _trust(target.record)
    return target.is_open and target.record.id not in claimed and heard


def _said_before(proposal: Proposal, target: Known) -> bool:
    return proposal.source is not None and proposal.source.valid_from < target.said_at


def _began_before(proposal: Proposal, target: Known) -> bool:
    since = proposal.draft.valid_from or (proposal.source.valid_from if proposal.source else target.record.valid_from)
    return since < target.record.valid_from
