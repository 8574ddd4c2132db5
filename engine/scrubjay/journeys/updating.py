"""update: a correction of what a memory says."""

from dataclasses import dataclass, replace

from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.journeys.awaiting import begin_reading
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.listing import version_that_holds
from scrubjay.journeys.writing import writing
from scrubjay.remembering.rows import corrected, never_true
from scrubjay.remembering.suspicion import suspicion
from scrubjay.rights import Right, grants
from scrubjay.texts import checked
from scrubjay.types import MAX_TEXT_CHARS, Caller, Filter, MemoryRecord, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The version that holds now, and what the memory said before; both the same text when nothing changed.

    `previous` is "" for a caller who may not read.
    """

    record: MemoryRecord
    previous: str


def update(engine: Engine, caller: Caller | None, memory_id: str, content: str) -> Correction:
    """Make the next version of a memory with this text; the old version was never true, and stays in the history.

    Raises InvalidInput, NotAllowed, MemoryNotFound, EmbeddingError, StoreError.
    """
    text = checked(content, field="content", longest=MAX_TEXT_CHARS)
    if kind := suspicion(text):
        raise InvalidInput(
            "content",
            f"reads like a {kind}, which may change no memory; add it instead, to be kept aside until confirmed",
        )
    owner = engine.required_owner(memory_id, caller, Right.WRITE)
    vectors = engine.embedder.embed_documents([text])
    with writing(engine, owner):
        now = engine.now()
        versions = engine.store.find(owner, Filter(ids=(memory_id,)))
        newest = max((record.version for record in versions), default=0)
        alive = sorted((r for r in versions if r.is_alive(now)), key=lambda record: -record.version)
        if not alive:
            raise MemoryNotFound(memory_id)
        old = version_that_holds(alive, now)
        if old.text == text:
            return Correction(record=old, previous=old.text)
        if not old.is_current(now):
            by = f" by {old.superseded_by!r}" if old.superseded_by else ""
            raise InvalidInput("memory_id", f"names a memory that was superseded{by}; correct what holds now instead")
        written_by = caller.written_by if caller else ""
        new = corrected(old, text, version=newest + 1, now=now, written_by=written_by)
        if engine.extractor is not None and engine.store.count(owner, Filter(rests_on=(memory_id,))):
            new = replace(new, state=State.PENDING)  # facts were drawn from the old wording
        engine.store.write(owner, inserted=[new], vectors=vectors, replaced=[never_true(old)])
    if new.state is State.PENDING:
        begin_reading(engine, owner)
    return Correction(record=new, previous=old.text if caller is None or grants(caller.rights, Right.READ) else "")
