"""What a model is shown of the store to read a few episodes by, and how it is asked."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scrubjay.errors import AnswerTooLong, ExtractionTimeout
from scrubjay.journeys.committing import TICK
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.searching import BY_LIKENESS, RECALLED, looks_like, rank
from scrubjay.ports import Extractor
from scrubjay.readings import ExtractedFact, Window
from scrubjay.remembering.rows import Occasion, fact_digest, occasion_of
from scrubjay.remembering.windows import Passage, bare, halves, message_of, passages_of, sentences
from scrubjay.texts import one_line
from scrubjay.types import Filter, Kind, MemoryRecord, Message, Owner, Position, State

NOT_READ = "system"
"""The role whose words are the application's, and nobody's memory: no extractor is shown them."""

_CONTEXT_MESSAGES = 6
_NEIGHBOURS, _NEIGHBOURS_PER_SENTENCE = 8, 2
_MOST_SENTENCES, _MOST_KNOWN = 24, 30
_WHOLE_CHARS = 2_000  # of a window, to find its neighbours by: the embedding model reads no more at once
_CONTEXT_CHARS = 500
_MOST_LINES = 500  # of a message, compared with what is known word for word


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the model gets to see of the store."""

    passages: Sequence[Passage]
    context: Sequence[MemoryRecord]
    known: Sequence[MemoryRecord]

    @property
    def records(self) -> list[MemoryRecord]:
        """Every row of it."""
        return [*(passage.episode for passage in self.passages), *self.context, *self.known]

    def window(self, numbers: Sequence[int]) -> Window:
        """Return the passages at these positions as an extractor sees them, with what was said before."""
        passages = [self.passages[number] for number in numbers]
        before = [message_of(record) for record in self.context]
        before += [passage.message for passage in self.passages[: numbers[0]]]
        return Window(
            messages=tuple(passage.message for passage in passages),
            context=tuple(_clipped(message) for message in before[-_CONTEXT_MESSAGES:]),
            known=tuple(self.known),
            observed_at=passages[-1].episode.valid_from,
            scope=passages[-1].episode.scope,
        )


def _clipped(message: Message) -> Message:
    return replace(message, content=one_line(message.content, longest=_CONTEXT_CHARS))


def look(engine: Engine, owner: Owner, batch: Sequence[MemoryRecord]) -> Shown:
    """Return what of the store a model needs to read a batch of episodes by."""
    occasion = occasion_of(batch[0], owner, now=engine.now(), extractor="")
    quoted = [bare(line) for row in batch for line in row.text.splitlines()[:_MOST_LINES]]
    digests = tuple({fact_digest(line) for line in quoted if line})
    where = Filter(visible=occasion.visible, current_at=occasion.now, kind=Kind.FACT, states=frozenset({State.READY}))
    remembered = engine.store.find(owner, replace(where, digests=digests)) if digests else []
    passages = passages_of(batch, known_texts=[r.text for r in remembered], count_tokens=engine.count_tokens)
    known = _neighbours(engine, owner, where, passages)
    return Shown(passages=passages, context=_context(engine, owner, occasion, batch[0]), known=known)


def _neighbours(engine: Engine, owner: Owner, where: Filter, passages: Sequence[Passage]) -> list[MemoryRecord]:
    """Return known facts close to the whole and to each of its sentences: what may be restated or replaced."""
    if not passages or not engine.store.count(owner, where):
        return []
    parts = [part for passage in passages for part in sentences(passage.text)]
    whole = " ".join(parts)[:_WHOLE_CHARS]
    texts = [whole, *dict.fromkeys(parts[:_MOST_SENTENCES])]
    vectors = engine.embedder.embed_documents(texts)
    limits = [_NEIGHBOURS, *[_NEIGHBOURS_PER_SENTENCE] * (len(texts) - 1)]
    looks = [looks_like(text, vector, limit=limit) for text, vector, limit in zip(texts, vectors, limits, strict=True)]
    found: dict[str, MemoryRecord] = {}
    for hits in rank(engine, [(owner, where)], looks, BY_LIKENESS):
        for hit in hits:
            found.setdefault(hit.record.id, hit.record)
    return list(found.values())[:_MOST_KNOWN]


def _context(engine: Engine, owner: Owner, occasion: Occasion, first: MemoryRecord) -> list[MemoryRecord]:
    """Return what was said just before, oldest first: in the same session, else in the same call."""
    where = Filter(
        visible=occasion.visible,
        session_id=first.session_id,
        written_by=first.written_by,
        kind=Kind.EPISODE,
        current_at=occasion.now,
        states=RECALLED,
    )
    before = Position(recorded_at=first.recorded_at, id=first.id, version=first.version)
    found = engine.store.find(owner, where, limit=_CONTEXT_MESSAGES, after=before)
    found = [row for row in found if row.role != NOT_READ]
    if not first.session_id:  # the rows of one call follow each other by a microsecond
        found = [row for row in found if row.recorded_at >= first.recorded_at - first.turn * TICK]
    return found[::-1]


def ask(extractor: Extractor, shown: Shown, numbers: Sequence[int], until: float, found: list[ExtractedFact]) -> None:
    """Find the facts in these passages; too long an answer has them read in two parts, by the same deadline."""
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise ExtractionTimeout("the model's answers were cut off until time was up")
    try:
        items = extractor.extract(shown.window(numbers), timeout_s=left_s)
    except AnswerTooLong:
        if len(numbers) == 1:
            _ask_in_pieces(extractor, shown, numbers[0], until, found)
        else:
            middle = len(numbers) // 2
            ask(extractor, shown, numbers[:middle], until, found)
            ask(extractor, shown, numbers[middle:], until, found)
        return
    known, base = len(shown.known), len(found)
    for item in items:
        source = numbers[item.source] if 0 <= item.source < len(numbers) else -1
        targets = tuple(target + base if target >= known else target for target in item.targets)
        found.append(replace(item, source=source, targets=targets))


def _ask_in_pieces(extractor: Extractor, shown: Shown, number: int, until: float, found: list[ExtractedFact]) -> None:
    passage = shown.passages[number]
    parts = halves(passage.text)
    if len(parts) == 1:
        raise AnswerTooLong("the model's answer about a few words was cut off")
    for part in parts:
        base = len(found)
        ask(extractor, replace(shown, passages=[replace(passage, text=part)]), [0], until, found)
        found[base:] = [replace(item, source=number if item.source == 0 else -1) for item in found[base:]]
