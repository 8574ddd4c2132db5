"""What an extractor read, checked item by item and made into proposals; nothing of it is trusted.

An item is dropped when its evidence is no span of its source. One that may not change what it wants to change is kept
as a new fact beside it, and the two are reported as a conflict: in doubt both stay.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scrubjay.dates import date_of, day_named_in
from scrubjay.readings import About, Bearing, ExtractedFact
from scrubjay.remembering.plan import Proposal, trust
from scrubjay.remembering.suspicion import suspicion
from scrubjay.remembering.windows import Passage
from scrubjay.texts import normalised, quoted_from, visible
from scrubjay.types import MAX_NAME_CHARS, Category, FactDraft, MemoryRecord, Relation, Scope, State

MAX_FACT_CHARS = 2_000
_MOST_NAMES = 30
_MOST_TARGETS = 5
_LONGEST_EVIDENCE = 2_000
_A_WORD = re.compile(r"\w{3}|\d|[^\W\x00-\u052f]")  # three letters, a figure, or a letter of a script without spaces
_FIGURES = re.compile(r"\d+")
_WORDS = re.compile(r"[a-z\u00df-\u052f]{2,}")  # of Latin, Greek and Cyrillic
_MOSTLY = 0.6
_PEOPLE = {"user", "the user", "assistant", "the assistant"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A memory that the extractor was shown; `is_open` while just this version holds.

    `said_at`: when it, or what it is going to be, was said last. `role`: the most trusted voice that said any of it.
    """

    record: MemoryRecord
    said_at: datetime
    role: str = "user"
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
    new_id: Callable[[], str],
) -> Reconciled:
    """Return what is left of the items, in the order of their messages, after every check.

    A target past the known memories is an item of the same answer: a later message may retire what an earlier one says.
    """
    claimed: set[str] = set()
    conflicts: dict[str, None] = {}
    proposals: list[Proposal] = []
    proposal_by_item: dict[int, Proposal] = {}
    for number, item in sorted(enumerate(items), key=lambda numbered: numbered[1].source):
        judged = _judged(item, passages, known, scope=scope, claimed=claimed)
        if judged is not None:
            proposal, disputed = judged
            earlier = [proposal_by_item[t - len(known)] for t in item.targets if t - len(known) in proposal_by_item]
            proposal = replace(_retiring(item, proposal, earlier, claimed), memory_id=new_id())
            proposal_by_item[number] = proposal
            proposals.append(proposal)
            claimed.update(proposal.draft.replaces, filter(None, [proposal.refines]))
            conflicts.update(dict.fromkeys(disputed))
    return Reconciled(proposals=tuple(proposals), conflicts=tuple(conflicts), dropped=len(items) - len(proposals))


def _retiring(
    item: ExtractedFact, proposal: Proposal, earlier: Sequence[Proposal], claimed: Collection[str]
) -> Proposal:
    """Let a proposal replace what earlier messages of the same answer say, by the rules for what is known."""
    if item.bearing is not Bearing.SUPERSEDES or proposal.state is State.SUSPECT:
        return proposal
    retired = tuple(
        one.memory_id
        for one in earlier
        if one.state is State.READY
        and one.source is not proposal.source
        and one.memory_id not in claimed
        and trust(proposal.role) >= trust(one.role)
    )
    return replace(proposal, draft=replace(proposal.draft, replaces=(*proposal.draft.replaces, *retired)))


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
    evidence = quoted_from(passage.text, item.evidence[:_LONGEST_EVIDENCE])
    targets = [known[number] for number in dict.fromkeys(item.targets) if 0 <= number < len(known)][:_MOST_TARGETS]
    if _is_duplicate(item, targets) and targets[0].record.id in claimed:
        return None  # of what an item before this one has changed
    text = _text_of(item, targets)
    if not _says_something(evidence, passage.text) or not text or (scope is Scope.AGENT and item.about is About.USER):
        return None
    if trust(passage.episode.role) < trust("user") and any(_quotes(evidence, one.record) for one in known):
        return None  # memory's own words, coming back
    proposal = Proposal(
        draft=_draft(item, passage, text, evidence),
        memory_id="",
        source=passage.episode,
        role=passage.episode.role,
        newer=(),
        state=State.SUSPECT if _is_suspect(item, passage, text, evidence) else State.READY,
    )
    if proposal.state is State.SUSPECT:
        return proposal, []
    return _bearing(item.bearing, proposal, targets, claimed)


def _says_something(evidence: str, message: str) -> bool:
    """Whether a span has a word in it, or is as long as the message itself."""
    return _A_WORD.search(evidence) is not None or (bool(evidence) and evidence == message.strip())


def _text_of(item: ExtractedFact, targets: Sequence[Known]) -> str:
    """Return the fact's text; of a duplicate, the text of what it duplicates. "" when there is none to store."""
    if _is_duplicate(item, targets):
        return targets[0].record.text
    text = _tidy(item.text)
    return text if can_be_fact(text) else ""


def can_be_fact(text: str) -> bool:
    """Whether a text has the length and the characters of a fact."""
    return len(text) <= MAX_FACT_CHARS and _is_encodable(text)


def _is_duplicate(item: ExtractedFact, targets: Sequence[Known]) -> bool:
    """Whether an item says no more than its target; with other figures or words it does, whatever it claims."""
    if item.bearing is not Bearing.DUPLICATE or not targets or not targets[0].is_open:
        return False
    known = targets[0].record.text
    return not item.text.strip() or (_figures(item.text) == _figures(known) and _shares_words(item.text, known))


def _shares_words(text: str, known: str) -> bool:
    """Whether two texts have something in common; any two do in scripts whose words are not set apart."""
    words, others = set(_WORDS.findall(normalised(text))), set(_WORDS.findall(normalised(known)))
    return not words or not others or len(words & others) * 2 >= min(len(words), len(others))


def _figures(text: str) -> set[str]:
    return set(_FIGURES.findall(text))


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _quotes(evidence: str, known: MemoryRecord) -> bool:
    quoted, text = normalised(evidence), normalised(known.text)
    return quoted in text and len(quoted) >= _MOSTLY * len(text)


def _is_suspect(item: ExtractedFact, passage: Passage, text: str, evidence: str) -> bool:
    ordered_by_a_document = item.category is Category.INSTRUCTION and not trust(passage.episode.role)
    return ordered_by_a_document or bool(suspicion(text) or suspicion(evidence))


def _is_harmless(relation: Relation) -> bool:
    return not suspicion(f"{relation.subject} {relation.predicate} {relation.object}")


def _draft(item: ExtractedFact, passage: Passage, text: str, evidence: str) -> FactDraft:
    said_at = passage.episode.valid_from
    valid_from = date_of(item.valid_from, said_at=said_at)
    valid_to = date_of(item.valid_to, said_at=said_at)
    occurred = date_of(item.occurred, said_at=said_at) or day_named_in(evidence, said_at=said_at)
    if occurred is None and valid_from not in {None, said_at}:
        occurred = said_at  # when it was said, where that is not when it became true
    names = _Grounds(passage, text)
    mine = (
        item.category
        if item.category is not Category.INSTRUCTION or trust(passage.episode.role) == trust("user")
        else Category.OTHER
    )
    return FactDraft(
        text=text,
        category=mine,
        entities=tuple(dict.fromkeys(name for name in map(_tidy, item.entities) if names.hold(name)))[:_MOST_NAMES],
        relations=tuple(relation for relation in map(_tidy_relation, item.relations) if names.hold_relation(relation))[
            :_MOST_NAMES
        ],
        evidence=evidence,
        occurred_at=occurred,
        valid_from=valid_from,
        expires_at=passage.episode.expires_at,
        # The end of a state that was over when it was told is no end of what the sentence says about it.
        valid_to=valid_to if valid_to and valid_to > max(said_at, valid_from or said_at) else None,
        importance=item.importance if 0 <= item.importance <= 1 else 0.5,
        metadata=passage.episode.metadata,
    )


def _tidy(name: str) -> str:
    return " ".join(visible(name).split())


def _tidy_relation(relation: Relation) -> Relation:
    return Relation(subject=_tidy(relation.subject), predicate=_tidy(relation.predicate), object=_tidy(relation.object))


class _Grounds:
    """Where names must come from: the fact, the message it was read in, or whoever spoke."""

    def __init__(self, passage: Passage, text: str) -> None:
        self._text = normalised(f"{text}\n{passage.text}\n{passage.episode.name}")

    def hold(self, name: str) -> bool:
        plain = normalised(name)
        return bool(plain) and len(name) <= MAX_NAME_CHARS and _is_encodable(name) and plain in self._text

    def hold_relation(self, relation: Relation) -> bool:
        ends = (relation.subject, relation.object)
        named = all(self.hold(end) or normalised(end) in _PEOPLE for end in ends)
        well_said = _is_encodable(relation.predicate) and _is_harmless(relation)
        return named and well_said and 0 < len(relation.predicate) <= MAX_NAME_CHARS


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
        draft = replace(proposal.draft, replaces=replaced)
        if any(i not in newer and _would_erase(proposal, one.record) for i, one in allowed.items()):
            draft = replace(draft, valid_from=None)  # what held until it was said otherwise has held
        changed = replace(proposal, draft=draft, newer=tuple(newer.intersection(replaced)))
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
    if source is None or not target.is_open or target.record.id in claimed:
        return False
    if target.record.scope is Scope.AGENT and target.record.written_by != source.written_by:
        return False  # what the agent learned with somebody else
    return trust(source.role) >= trust(target.role)


def _said_before(proposal: Proposal, target: Known) -> bool:
    return proposal.source is not None and proposal.source.valid_from < target.said_at


def _would_erase(proposal: Proposal, target: MemoryRecord) -> bool:
    """Whether the date of what replaces a memory would make that memory one that was never true."""
    since, source = proposal.draft.valid_from, proposal.source
    return since is not None and source is not None and since <= target.valid_from < source.valid_from


def _began_before(proposal: Proposal, target: Known) -> bool:
    since = proposal.draft.valid_from or (proposal.source.valid_from if proposal.source else target.record.valid_from)
    return since < target.record.valid_from
