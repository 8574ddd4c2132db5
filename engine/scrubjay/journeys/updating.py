"""update: a correction of what a memory says."""

from dataclasses import dataclass, replace

from scrubjay.errors import MemoryNotFound
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.listing import current_version
from scrubjay.remembering.rows import corrected
from scrubjay.texts import checked
from scrubjay.types import MAX_TEXT_CHARS, Caller, MemoryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The version that holds now, and what the memory said before; both the same text when nothing changed."""

    record: MemoryRecord
    previous: str


def update(engine: Engine, caller: Caller | None, memory_id: str, content: str) -> Correction:
    """Make the next version of a memory with this text; the old version was never true, and stays in the history.

    Raises InvalidInput, MemoryNotFound, EmbeddingError, StoreError.
    """
    text = checked(content, field="content", longest=MAX_TEXT_CHARS)
    owner = engine.required_owner(memory_id, caller)
    vectors = engine.embedder.embed_documents([text])
    with engine.store.exclusive(owner):
        old = current_version(engine, caller, memory_id)
        if old.text == text:
            return Correction(record=old, previous=old.text)
        if old.superseded_by:
            raise MemoryNotFound(memory_id)
        new = corrected(old, text, now=engine.now(), written_by=caller.written_by if caller else "")
        engine.store.write(owner, inserted=[new], vectors=vectors, replaced=[replace(old, valid_to=old.valid_from)])
    return Correction(record=new, previous=old.text)
