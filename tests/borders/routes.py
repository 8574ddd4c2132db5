"""Every route of the REST API and of the page, as data: what somebody sends who knows of another person `Known`."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from borders.doors import Answer, Door
from borders.people import SESSION
from borders.ways import Known
from scrubjay.rights import Right

_JSON = {"content-type": "application/json"}
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_WORDS = "orchard pears season March red green password"
_API = "/api/v1"
_PAGE = "/dashboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One HTTP request; `body` is sent as JSON, `form` as a form of the page."""

    verb: str
    path: Callable[[Known], str]
    body: dict[str, Any] | None = None
    form: tuple[tuple[str, str], ...] | None = None
    needs: Right = Right.READ
    does: str = ""

    @property
    def name(self) -> str:
        return f"{self.verb} {self.does}"

    def taken(self, door: Door, known: Known) -> Answer:
        """Return what comes back."""
        if self.form is not None:
            form_key = door.form_key if isinstance(door, Browser) else ""
            content = urlencode([*self.form, ("form_key", form_key)]).encode()
            return door.send(self.verb, self.path(known), content=content, headers=_FORM)
        if self.body is not None:
            return door.send(self.verb, self.path(known), content=json.dumps(self.body).encode(), headers=_JSON)
        return door.send(self.verb, self.path(known))


class Browser(Door):
    """A browser that has signed in to the page with a token, which it then sends no more."""

    form_key = ""

    def __init__(self, url: str, token: str | None) -> None:
        super().__init__(url, None)
        if token is not None:
            signed_in = self.send(
                "POST", f"{_PAGE}/sign-in", content=urlencode({"token": token}).encode(), headers=_FORM
            )
            assert signed_in.status == 303, signed_in.body
            found = re.search(rb'name="form_key" value="([^"]+)"', self.send("GET", f"{_PAGE}/data").body)
            self.form_key = found[1].decode() if found else ""

    def ask(self, method: str, params: object) -> Answer:
        raise NotImplementedError


def reading() -> Iterator[Route]:
    """Give every route that reads and names no id."""
    queries = (
        {}, {"limit": "1000"}, {"scope": "user"}, {"scope": "session", "session_id": SESSION}, {"scope": "agent"},
        {"session_id": SESSION}, {"category": "project"}, {"state": "suspect"}, {"state": "pending"},
        {"include_superseded": "true"}, {"as_of": "2026-11-20T09:00:30"}, {"entity": "Orchard"},
    )  # fmt: skip
    for query in queries:
        yield _get(f"memories?{urlencode(query)}")
    yield Route(verb="GET", path=lambda k: f"{_API}/memories?cursor={k.planted.cursor}", does="with their cursor")
    for options in (
        {}, {"limit": 1000, "max_tokens": 100_000}, {"scope": "session", "session_id": SESSION}, {"entity": "Orchard"},
        {"metadata": {"topic": "orchard"}}, {"as_of": "2026-11-20T09:00:30"}, {"scope": "agent"},
    ):  # fmt: skip
        yield _post("memories/search", {"query": _WORDS, **options}, needs=Right.READ)


def about(user_id: str) -> Iterator[Route]:
    """Give every route that names a person."""
    named = urlencode({"user_id": user_id})
    yield _get(f"memories?{named}")
    yield _post(f"memories/search?{named}", {"query": _WORDS}, needs=Right.READ)
    yield _post(f"memories?{named}", {"content": "Taken over"}, needs=Right.WRITE)
    yield _get(f"users/{quote(user_id, safe='')}/memories")
    yield Route(
        verb="DELETE",
        path=lambda _: f"{_API}/users/{quote(user_id, safe='')}/memories",
        needs=Right.ERASE,
        does=f"everything of {user_id}",
    )


def writing() -> Iterator[Route]:
    """Give the routes that write into one's own memory and name no id."""
    yield _post("memories", {"content": "The orchard has pears"}, needs=Right.WRITE)
    facts = [{"text": "The orchard has pears", "entities": ["Orchard"], "category": "project"}]
    yield _post("memories", {"facts": facts, "session_id": SESSION}, needs=Right.WRITE)
    yield _post("memories", {"content": "Pears today", "scope": "session", "session_id": SESSION}, needs=Right.WRITE)


def naming(memory_id: str, *, user_id: str = "") -> Iterator[Route]:
    """Give every route that names an id, also in somebody else's name."""
    whose = f"?{urlencode({'user_id': user_id})}" if user_id else ""
    for query in ("", f"?session_id={SESSION}") if not whose else (whose,):
        yield _get(f"memories/{memory_id}{query}", does="a memory")
    path = f"{_API}/memories/{memory_id}{whose}"
    yield Route(verb="PUT", path=lambda _: path, body={"content": "Taken over"}, needs=Right.WRITE, does="a memory")
    taken = {"facts": [{"text": "Taken over", "replaces": [memory_id]}]}
    yield _post(f"memories{whose}", taken, needs=Right.WRITE, does="replaces")
    yield Route(verb="DELETE", path=lambda _: path, needs=Right.ERASE, does="a memory")


def looking() -> Iterator[Route]:
    """Give every page that names no id."""
    for path in (
        "", "/search?q=pears", "/results?q=orchard+pears+march", "/memories?category=project", "/memories?words=1",
        "/memories?entity=Orchard", "/past", "/waiting", "/connections", "/growth", "/data", "/export", "/sign-in",
        "/anything/else",
    ):  # fmt: skip
        yield Route(verb="GET", path=lambda _, path=path: f"{_PAGE}{path}", does=f"page {path}")
    for path in ("/memories?cursor=", "/past?cursor=", "/waiting?cursor="):
        yield Route(verb="GET", path=lambda k, path=path: f"{_PAGE}{path}{k.planted.cursor}", does=f"page {path}")


def touching(memory_id: str) -> Iterator[Route]:
    """Give every page and form that names an id."""
    yield Route(verb="GET", path=lambda _: f"{_PAGE}/memories/{memory_id}", does="page of a memory")
    one = f"/memories/{memory_id}"
    for path, needs, fields in (
        (f"{one}/correct", Right.WRITE, (("content", "Taken over"), ("back", f"{_PAGE}{one}"))),
        (f"{one}/confirm", Right.WRITE, ()),
        (f"{one}/restore", Right.WRITE, (("version", "1"),)),
        ("/forget", Right.READ, (("id", memory_id),)),
        ("/forget/now", Right.ERASE, (("id", memory_id),)),
    ):
        yield Route(
            verb="POST", path=lambda _, path=path: f"{_PAGE}{path}", form=fields, needs=needs, does=path.split("/")[-1]
        )


def _get(path: str, *, does: str = "") -> Route:
    return Route(verb="GET", path=lambda _: f"{_API}/{path}", does=does or path)


def _post(path: str, body: dict[str, Any], *, needs: Right, does: str = "") -> Route:
    return Route(verb="POST", path=lambda _: f"{_API}/{path}", body=body, needs=needs, does=does or path)
