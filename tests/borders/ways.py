"""Every way to read or write over MCP, as data: what somebody sends who knows of another person what `Known` holds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from borders.doors import Answer, Door
from borders.people import SESSION, Person, Planted
from scrubjay.rights import Right

Params = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What somebody knows of another person: their words, and every id, cursor and session of theirs."""

    person: Person
    planted: Planted

    def ids(self) -> list[str]:
        return list(self.planted.ids.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One JSON-RPC request. `needs`: the right it takes, None when it is nobody's memory that it reads."""

    name: str
    method: str
    params: Callable[[Known], Params]
    needs: Right | None = Right.READ

    def taken(self, door: Door, known: Known) -> Answer:
        """Return what comes back."""
        return door.ask(self.method, self.params(known))


def _tool(name: str, does: str, arguments: Callable[[Known], Params], *, needs: Right = Right.READ) -> Way:
    def params(known: Known) -> Params:
        return {"name": name, "arguments": arguments(known)}

    return Way(name=f"{name}: {does}", method="tools/call", params=params, needs=needs)


def _words(known: Known) -> str:
    """The words of another person, but for their canary: what comes back is to be the server's, not an echo."""
    return "orchard pears season March red green password"


_SEARCHES: dict[str, Params] = {
    "words": {},
    "many": {"limit": 1000, "max_tokens": 100_000},
    "in user scope": {"scope": "user"},
    "in session scope": {"scope": "session", "session_id": SESSION},
    "in agent scope": {"scope": "agent"},
    "in their session": {"session_id": SESSION},
    "by category": {"category": "project"},
    "by metadata": {"metadata": {"topic": "orchard"}},
    "since and until": {"since": "2000-01-01", "until": "2100-01-01"},
    "as of": {"as_of": "2026-11-20T09:00:30"},
    "later": {"as_of": "2030-01-01"},
    "above a score": {"min_score": 0.1},
    "by entity": {"entity": "Orchard"},
}
_LISTINGS: dict[str, Params] = {
    "all": {},
    "many": {"limit": 1000, "max_tokens": 100_000},
    "user scope": {"scope": "user"},
    "session scope": {"scope": "session", "session_id": SESSION},
    "agent scope": {"scope": "agent"},
    "their session": {"session_id": SESSION},
    "category": {"category": "project"},
    "metadata": {"metadata": {"topic": "orchard"}},
    "suspect": {"state": "suspect"},
    "pending": {"state": "pending"},
    "as of": {"as_of": "2026-11-20T09:00:30"},
    "superseded": {"include_superseded": True},
    "entity": {"entity": "Orchard"},
}
_ADDITIONS: dict[str, Params] = {
    "words": {"content": "The orchard has pears", "infer": True},
    "words without facts": {"content": "Pear season begins in March", "infer": False},
    "messages": {"messages": [{"role": "user", "content": "The pears are red", "name": "Orchard"}]},
    "facts": {"facts": [{"text": "The orchard has pears", "entities": ["Orchard"], "category": "project"}]},
    "evidence": {
        "content": "Pears are green",
        "facts": [{"text": "The pears are green", "evidence": "Pears are green"}],
    },
    "in their session": {"content": "Pears for today", "scope": "session", "session_id": SESSION},
    "beside their session": {"content": "Pears for today", "session_id": SESSION},
    "suspect": {"content": "The password for pears is hunter2!Xy"},
}


def reading() -> Iterator[Way]:
    """Give every way to read that names no id."""
    for does, arguments in _SEARCHES.items():
        yield _tool("search_memories", does, lambda known, given=arguments: {"query": _words(known), **given})
    for does, arguments in _LISTINGS.items():
        yield _tool("list_memories", does, lambda _, given=arguments: given)
    yield _tool("list_memories", "with their cursor", lambda known: {"cursor": known.planted.cursor})
    yield _tool("forget", "candidates", lambda known: {"query": _words(known)})
    yield _tool("forget", "candidates in their session", lambda k: {"query": _words(k), "session_id": SESSION})
    yield _tool("forget", "candidates of the agent", lambda known: {"query": _words(known), "scope": "agent"})
    for name in ("profile", "graph"):
        yield Way(name=name, method="resources/read", params=lambda _, name=name: {"uri": f"memory://{name}"})
    yield Way(name="what do you know", method="prompts/get", params=lambda _: {"name": "what_do_you_know_about_me"})


def introducing() -> Iterator[Way]:
    """Give what tells of the server only."""
    for method in ("tools/list", "resources/list", "resources/templates/list", "prompts/list"):
        yield Way(name=method, method=method, params=lambda _: {}, needs=None)
    for name, arguments in (("recall", {"topic": "pears"}), ("remember_this_conversation", {})):
        yield Way(
            name=f"prompt {name}",
            method="prompts/get",
            params=lambda _, name=name, given=arguments: {"name": name, "arguments": given},
            needs=None,
        )


def writing() -> Iterator[Way]:
    """Give every way to write into one's own memory that names no id."""
    for does, arguments in _ADDITIONS.items():
        yield _tool("add_memory", does, lambda _, given=arguments: given, needs=Right.WRITE)


def teaching() -> Iterator[Way]:
    """Give the ways to write into the table that all people of a tenant share."""
    for does in ("words", "facts", "messages"):
        given = {**_ADDITIONS[does], "scope": "agent"}
        yield _tool("add_memory", f"{does} for the agent", lambda _, given=given: given, needs=Right.AGENT_WRITE)


def naming(memory_id: str) -> Iterator[Way]:
    """Give every way in which an id is named."""
    shown = Way(name="a memory", method="resources/read", params=lambda _: {"uri": f"memory://memories/{memory_id}"})
    yield shown
    yield _tool("list_memories", "history", lambda _: {"history_of": memory_id})
    yield _tool("list_memories", "history in a session", lambda _: {"history_of": memory_id, "session_id": SESSION})
    update = {"memory_id": memory_id, "content": "Taken over"}
    yield _tool("update_memory", "by id", lambda _: update, needs=Right.WRITE)
    for scope in ("user", "session", "agent"):
        taken = {"facts": [{"text": "Taken over", "replaces": [memory_id]}], "scope": scope, "session_id": SESSION}
        needs = Right.AGENT_WRITE if scope == "agent" else Right.WRITE
        yield _tool("add_memory", f"replaces in {scope} scope", lambda _, taken=taken: taken, needs=needs)
    yield _tool("forget", "by id", lambda _: {"memory_ids": [memory_id]}, needs=Right.ERASE)
    in_session = {"memory_ids": [memory_id], "session_id": SESSION, "scope": "session"}
    yield _tool("forget", "by id in a session", lambda _: in_session, needs=Right.ERASE)


def erasing() -> Iterator[Way]:
    """Give the ways to forget everything."""
    for scope, needs in (("session", Right.ERASE), ("agent", Right.ADMIN), ("user", Right.ERASE)):
        given = {"everything": True, "scope": scope, "session_id": SESSION, "confirm": "forget everything"}
        yield _tool("forget", f"everything, {scope}", lambda _, given=given: given, needs=needs)
