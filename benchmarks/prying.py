"""What the twenty people do: mostly to read what is theirs, and again and again to get at what is not."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from strangers import AGENT, SESSIONS, Stranger, Wire

from scrubjay.inputs import listing_of, question_of
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.listing import list_memories
from scrubjay.journeys.searching import search
from scrubjay.recall.reply import told
from scrubjay.rights import Right, grants

Answer = tuple[int, bytes]
QUERIES = (
    "Who keeps the lantern?", "lantern", "upper shelf", "What is in the cellar?", "the red bicycle of last week",
    "night trains to Lisbon", "what do you know", "green tea or coffee", "password",
)  # fmt: skip
_THINGS = ("lantern", "bicycle", "teapot", "map", "ticket to Lisbon", "garden", "Postgres", "old letter")
_PLACES = ("on the upper shelf", "in the cellar", "beside the night trains", "at the office", "since last week")
_ID = re.compile(rb'"id"\s*:\s*"([a-z2-7]{16})"')
_CURSOR = re.compile(rb'"next_cursor"\s*:\s*"([\w-]+)"')
_NOBODY = "a" * 16


@dataclass(frozen=True, kw_only=True)
class Doing:
    """One operation about to be done: by whom, over what, beside whom, and with which chance."""

    who: Stranger
    wire: Wire
    people: list[Stranger]
    engine: Engine
    chance: random.Random

    def other(self) -> Stranger:
        """Return somebody else."""
        return self.chance.choice([each for each in self.people if each is not self.who])

    def own_id(self) -> str:
        """Return an id of their own, if they have any."""
        return self.chance.choice(self.who.ids) if self.who.ids else _NOBODY

    def foreign_id(self) -> str:
        """Return an id of somebody else, or one made of both."""
        other = self.other()
        taken = self.chance.choice(other.ids) if other.ids else _NOBODY
        return self.own_id()[:6] + taken[6:] if self.chance.random() < 0.2 else taken

    def saying(self) -> dict[str, Any]:
        """Return a fact of theirs."""
        what, where = self.chance.choice(_THINGS), self.chance.choice(_PLACES)
        number = self.chance.randrange(10**6)
        return {
            "text": f"Keeps the {self.who.word} {what} {where}, number {number}",
            "entities": [self.who.word, what],
            "relations": [{"subject": self.who.word, "predicate": "keeps", "object": what}],
            "metadata": {"topic": what, "word": self.who.word},
        }

    def looked_for(self) -> dict[str, Any]:
        """Return what to search by; also what others use."""
        wanted: dict[str, Any] = {"query": self.chance.choice(QUERIES), "limit": self.chance.choice((3, 10))}
        extra = self.chance.choice(
            ({}, {}, {}, {"session_id": self.chance.choice(SESSIONS)}, {"entity": "lantern"}, {"scope": "user"},
             {"metadata": {"topic": "map"}}, {"as_of": "2030-01-01"}, {"query": self.other().word}, {"scope": "agent"})
        )  # fmt: skip
        return wanted | extra

    def listed(self) -> dict[str, Any]:
        """Return what to list by; also with a cursor of others."""
        others = self.other().cursors
        cursor = {"cursor": self.chance.choice(others)} if others else {}
        return {"limit": 10} | self.chance.choice(
            ({}, {}, cursor, {"session_id": self.chance.choice(SESSIONS)}, {"entity": "lantern"}, {"scope": "agent"},
             {"include_superseded": True}, {"state": "suspect"})
        )  # fmt: skip


def _tool(name: str, arguments: Callable[[Doing], dict[str, Any]], how: str = "stateless") -> Callable[[Doing], Answer]:
    def do(doing: Doing) -> Answer:
        send = getattr(doing.wire, how)
        answer: Answer = send(doing.who, "tools/call", {"name": name, "arguments": arguments(doing)})
        return answer

    return do


def _search_rest(doing: Doing) -> Answer:
    return doing.wire.send(doing.who, "POST", "/api/v1/memories/search", doing.looked_for())


def _list_rest(doing: Doing) -> Answer:
    return doing.wire.send(doing.who, "GET", f"/api/v1/memories?{urlencode(doing.listed()).replace('True', 'true')}")


def _read_rest(doing: Doing) -> Answer:
    return doing.wire.send(doing.who, "GET", f"/api/v1/memories/{doing.own_id()}")


def _read_foreign_rest(doing: Doing) -> Answer:
    verb = doing.chance.choice(("GET", "GET", "PUT", "DELETE"))
    body = {"content": "Taken over"} if verb == "PUT" else None
    return doing.wire.send(doing.who, verb, f"/api/v1/memories/{doing.foreign_id()}", body)


def _add_rest(doing: Doing) -> Answer:
    return doing.wire.send(doing.who, "POST", "/api/v1/memories", {"facts": [doing.saying()]})


def _export(doing: Doing) -> Answer:
    return doing.wire.send(doing.who, "GET", f"/api/v1/users/{quote(doing.who.user_id)}/memories")


def _in_the_name_of_another(doing: Doing) -> Answer:
    named = doing.other().user_id if doing.who.user_id != "chief" else "nobody"
    path = doing.chance.choice((f"/memories?user_id={named}", f"/users/{named}/memories"))
    return doing.wire.send(doing.who, "GET", f"/api/v1{path}")


def _resource(name: str) -> Callable[[Doing], Answer]:
    return lambda doing: doing.wire.stateless(doing.who, "resources/read", {"uri": f"memory://{name}"})


def _memory_resource(doing: Doing) -> Answer:
    return doing.wire.stateless(doing.who, "resources/read", {"uri": f"memory://memories/{doing.foreign_id()}"})


def _session_of_another(doing: Doing) -> Answer:
    taken = doing.other().session
    return doing.wire.in_session(doing.who, "tools/call", {"name": "list_memories", "arguments": {}}, taken)


def _stream_of_another(doing: Doing) -> Answer:
    stream = doing.other().stream
    assert stream is not None
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_memories", "arguments": {}}}
    return doing.wire.send(doing.who, "POST", stream.address, message)


def _page(doing: Doing) -> Answer:
    path = doing.chance.choice(("/memories?category=other", "/results?q=lantern", f"/memories/{doing.foreign_id()}"))
    return doing.wire.page(doing.who, path)


def _engine_search(doing: Doing) -> Answer:
    wanted = doing.looked_for()
    who = doing.who.caller(session_id=wanted.pop("session_id", ""))
    found = search(doing.engine, who, question_of(**wanted))
    return 200, json.dumps([told(hit) for hit in found.hits]).encode() + repr(found).encode()


def _engine_list(doing: Doing) -> Answer:
    wanted = doing.listed()
    who = doing.who.caller(session_id=wanted.pop("session_id", ""))
    return 200, repr(list_memories(doing.engine, who, listing_of(**wanted))).encode()


def _lesson(doing: Doing) -> dict[str, Any]:
    number = doing.chance.randrange(50)
    text = f"Lesson {number} of {doing.who.lesson_word}: look at the lantern first"
    return {"facts": [{"text": text}], "scope": "agent"}


READS: dict[str, tuple[int, Callable[[Doing], Answer]]] = {
    "MCP search": (16, _tool("search_memories", Doing.looked_for)),
    "MCP list": (8, _tool("list_memories", Doing.listed)),
    "MCP search, in a session": (5, _tool("search_memories", Doing.looked_for, "in_session")),
    "MCP list, over SSE": (5, _tool("list_memories", Doing.listed, "over_stream")),
    "MCP search, over SSE": (3, _tool("search_memories", Doing.looked_for, "over_stream")),
    "MCP history": (3, _tool("list_memories", lambda d: {"history_of": d.own_id()})),
    "MCP candidates to forget": (1, _tool("forget", lambda d: {"query": d.chance.choice(QUERIES)})),
    "MCP profile": (1, _resource("profile")),
    "MCP graph": (1, _resource("graph")),
    "REST search": (14, _search_rest),
    "REST list": (12, _list_rest),
    "REST read": (6, _read_rest),
    "REST export": (1, _export),
    "page": (1, _page),
    "engine search": (24, _engine_search),
    "engine list": (26, _engine_list),
}
PRIES: dict[str, tuple[int, Callable[[Doing], Answer]]] = {
    "MCP foreign id": (3, _tool("list_memories", lambda d: {"history_of": d.foreign_id()})),
    "MCP foreign id, update": (1, _tool("update_memory", lambda d: {"memory_id": d.foreign_id(), "content": "Mine"})),
    "MCP foreign id, forget": (1, _tool("forget", lambda d: {"memory_ids": [d.foreign_id()]})),
    "MCP foreign id, replace": (
        1, _tool("add_memory", lambda d: {"facts": [{"text": "Mine", "replaces": [d.foreign_id()]}]})
    ),
    "MCP foreign id, resource": (2, _memory_resource),
    "MCP foreign session": (1, _session_of_another),
    "SSE foreign session": (1, _stream_of_another),
    "REST foreign id": (3, _read_foreign_rest),
    "REST in another's name": (2, _in_the_name_of_another),
}  # fmt: skip
WRITES: dict[str, tuple[int, Callable[[Doing], Answer]]] = {
    "MCP add": (14, _tool("add_memory", lambda d: {"facts": [d.saying()]})),
    "MCP add, in a session": (3, _tool("add_memory", lambda d: {
        "facts": [d.saying()], "scope": "session", "session_id": d.chance.choice(SESSIONS)})),
    "REST add": (10, _add_rest),
    "MCP update": (5, _tool("update_memory", lambda d: {"memory_id": d.own_id(), "content": d.saying()["text"]})),
    "MCP replace": (3, _tool("add_memory", lambda d: {"facts": [{**d.saying(), "replaces": [d.own_id()]}]})),
    "MCP forget": (4, _tool("forget", lambda d: {"memory_ids": [d.who.ids.pop(0)] if d.who.ids else [_NOBODY]})),
    "MCP teach the agent": (2, _tool("add_memory", _lesson)),
}  # fmt: skip
_WRITTEN_OF_A_HUNDRED = 5
_PRIED_OF_A_HUNDRED = 15


def chosen(who: Stranger, chance: random.Random, *, may_write: bool, may_teach: bool) -> str:
    """Return what a person does next."""
    drawn = chance.randrange(100)
    kinds = READS
    if drawn < _WRITTEN_OF_A_HUNDRED and may_write:
        teaches = may_teach and grants(who.rights, Right.AGENT_WRITE)
        kinds = {name: kind for name, kind in WRITES.items() if teaches or "teach" not in name}
    elif drawn < _WRITTEN_OF_A_HUNDRED + _PRIED_OF_A_HUNDRED:
        kinds = PRIES
    (name,) = chance.choices(list(kinds), [weight for weight, _ in kinds.values()])
    return name


def done(name: str, doing: Doing) -> Answer:
    """Do it, and return what came back; what a person was told, they remember."""
    _, do = {**READS, **PRIES, **WRITES}[name]
    status, body = do(doing)
    if name in WRITES and "teach" not in name:
        doing.who.ids += [each.decode() for each in _ID.findall(body) if each.decode() not in doing.who.ids]
        del doing.who.ids[:-200]
    if "list" in name and AGENT not in name:
        doing.who.cursors += [each.decode() for each in _CURSOR.findall(body)]
        del doing.who.cursors[:-20]
    return status, body
