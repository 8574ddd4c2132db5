"""graph: the entities and relations in an owner's facts, as they are or as they were."""

from datetime import datetime

from scrubjay.graph.projection import Graph, around, project, same_as
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.searching import RECALLED
from scrubjay.rights import Right
from scrubjay.types import Caller, Filter, Kind


def graph(engine: Engine, caller: Caller, *, entity: str | None = None, as_of: datetime | None = None) -> Graph:
    """Return the graph of the person's facts, else of the agent's or the session's, newest fact first.

    With `as_of` of the facts that were true then, else of those that hold now or will; with `entity` only what touches
    it. Aliases count as `Filter.entity` says: by one that was learned later an entity is found as of then, too.
    Raises NotAllowed, OwnerRequired, StoreError.
    """
    caller.require(Right.READ)
    owner, visible = caller.readable(None)[0]
    now = engine.now()
    lasting = Filter(
        visible=visible, kind=Kind.FACT, states=RECALLED, current_at=now if as_of is None else as_of, alive_at=now
    )
    known = engine.store.find(owner, lasting)
    facts = [fact for fact in known if as_of is None or fact.valid_from <= as_of]
    return project(facts) if entity is None else around(project(facts), same_as(project(known), entity))
