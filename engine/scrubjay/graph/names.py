"""Which names are one entity's: those that differ in case or spacing only, and those that an alias joins."""

from collections.abc import Iterable

from scrubjay.texts import entity_key
from scrubjay.types import Relation


def alias_in(relation: Relation) -> tuple[str, str] | None:
    """Return the name and its alias when the relation says that two names are one entity's, else None."""
    predicate = entity_key(relation.predicate).replace(" ", "_").replace("-", "_")
    if predicate == "also_known_as":
        return relation.subject, relation.object
    return (relation.object, relation.subject) if predicate == "alias_of" else None


class Names:
    """The names that aliases join, in whatever order they were stated; likeness joins nothing."""

    def __init__(self, aliases: Iterable[tuple[str, str]]) -> None:
        pairs = [(entity_key(name), entity_key(alias)) for name, alias in aliases]
        self._joined: dict[str, str] = {}
        for name, alias in pairs:
            self._joined[self._root(alias)] = self._root(name)
        secondary = {alias for name, alias in pairs if name != alias}
        groups: dict[str, set[str]] = {}
        for key in self._joined:
            groups.setdefault(self._root(key), set()).add(key)
        # Of names that are nobody's alias, and of a circle of aliases, the first by spelling: it depends on no order.
        self._canonical = {key: min(group - secondary or group) for group in groups.values() for key in group}

    def canonical(self, name: str) -> str:
        """Return the key of the name that stands for the entity: two names are one entity's when it is the same."""
        key = entity_key(name)
        return self._canonical.get(key, key)

    def _root(self, key: str) -> str:
        parent = self._joined.setdefault(key, key)
        while parent != key:
            self._joined[key] = self._joined[parent]
            key, parent = parent, self._joined[parent]
        return key
