"""reembed: every table with vectors of another model gets those of the current one."""

from scrubjay.journeys.engine import Engine
from scrubjay.progress import Progress, part_of, untold


def reembed(engine: Engine, told: Progress = untold) -> int:
    """Change all owners' tables and return how many had another model. Raises EmbeddingError, StoreError.

    What was done is kept when it is interrupted.
    """
    rows = {owner: engine.store.stats(owner).rows for owner in engine.store.owners()}
    total = sum(rows.values())
    done = changed = 0
    for owner, count in rows.items():
        report = part_of(told, begin=done, total=total)
        changed += engine.store.reembed(owner, engine.embedder.embed_documents, report)
        done += count
    return changed
