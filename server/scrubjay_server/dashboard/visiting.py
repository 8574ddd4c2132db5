"""Who looks at the page: what its cookie says is asked of the door again with every request."""

import hmac
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Form, HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from scrubjay.journeys.engine import Engine
from scrubjay.rights import Right, grants
from scrubjay.types import Caller
from scrubjay_server.dashboard.door import Door
from scrubjay_server.dashboard.look import HOME
from scrubjay_server.dashboard.sessions import Codes, Session, Sessions
from scrubjay_tools.host import Principal, caller

COOKIE = "scrubjay_page"
_ORIGIN = "page"
BaseUrl = Callable[[HTTPConnection], str]
"""What tells under which URL, without a path, a request's client reaches the server."""
MayAsk = Callable[[Principal], bool]
"""What is told of each request of somebody, and says whether it is answered."""
Turn = Callable[[Principal], AbstractAsyncContextManager[object]]
"""What gives what to hold while a request of somebody is worked on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request of somebody who is signed in: the engine, in whose name, and what their forms have to carry."""

    engine: Engine
    caller: Caller
    form_key: str

    @property
    def may_change(self) -> bool:
        """Whether they may correct, confirm and restore."""
        return grants(self.caller.rights, Right.WRITE)

    @property
    def may_forget(self) -> bool:
        """Whether they may forget."""
        return grants(self.caller.rights, Right.ERASE)


class Visitors:
    """Knows who is signed in, and lets in and out: with a token, or the local person with one of the codes.

    Forms are taken from pages under `base_url` only.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        door: Door,
        codes: Codes,
        base_url: BaseUrl,
        *,
        may_ask: MayAsk = lambda _: True,
        turn: Turn = lambda _: nullcontext(),
    ) -> None:
        self.base_url = base_url
        self._may_ask = may_ask
        self._turn = turn
        self._engine = engine
        self._door = door
        self.codes = codes
        self._sessions = Sessions()

    @property
    def are_local(self) -> bool:
        """Whether it is the person who uses this machine who comes in, and not people with tokens."""
        return self._door.local() is not None

    def visit(self, request: Request) -> Visit:
        """Return whose request this is.

        Raises HTTPException: 401 for whoever is not, or no longer, signed in; 429 for one who asks too often.
        """
        found = self._signed_in(request)
        if found is None:
            self._sessions.close(request.cookies.get(COOKIE, ""))
            raise HTTPException(401, "Please sign in.")
        session, principal = found
        if not self._may_ask(principal):
            raise HTTPException(429, "That was a lot at once. Please wait a moment.", {"Retry-After": "5"})
        # Only what is about the person: an assistant's own lessons are not theirs to see here.
        person = replace(caller(principal, origin=_ORIGIN), agent_id="")
        return Visit(engine=self._engine(), caller=person, form_key=session.form_key)

    def person(self, connection: HTTPConnection) -> Principal | None:
        """Return who is signed in, None if nobody is."""
        found = self._signed_in(connection)
        return found[1] if found else None

    def turn(self, connection: HTTPConnection) -> AbstractAsyncContextManager[object]:
        """Return what to hold while answering: nobody takes all threads."""
        person = self.person(connection)
        return self._turn(person) if person else nullcontext()

    def token_id_of(self, text: str) -> str | None:
        """Return the id of a token that was pasted, None if it is not good."""
        found = self._door.by_token(text)
        return found[0] if found else None

    def redeem(self, code: str) -> bool:
        """Whether a code opens the page for the local person; it does so once."""
        return self.codes.redeem(code) and self.are_local

    def sign_in(self, request: Request, response: Response, token_id: str) -> Response:
        """Return the response with a cookie that says who has come in; who they were before is signed out."""
        self._sessions.close(request.cookies.get(COOKIE, ""))
        response.set_cookie(
            COOKIE,
            self._sessions.open(token_id),
            path=HOME,
            httponly=True,
            samesite="strict",
            secure=self.base_url(request).startswith("https:"),
        )
        return response

    def sign_out(self, request: Request, response: Response) -> Response:
        """Return the response without the cookie, which is worth nothing any more."""
        self._sessions.close(request.cookies.get(COOKIE, ""))
        response.delete_cookie(COOKIE, path=HOME, httponly=True, samesite="strict")
        return response

    def _signed_in(self, connection: HTTPConnection) -> tuple[Session, Principal] | None:
        cookie = connection.cookies.get(COOKIE, "")
        session = self._sessions.find(cookie) if cookie else None
        if session is None:
            return None
        principal = self._door.by_token_id(session.token_id) if session.token_id else self._door.local()
        return (session, principal) if principal else None


def refuse_foreign_form(request: Request) -> None:
    """Raise HTTPException when a browser says that a form was sent from another site, or another port of this one."""
    origin = request.headers.get("origin")
    here = (visitors_of(request).base_url(request), str(request.base_url))
    ours = [f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, here)]
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin" or (origin is not None and origin not in ours):
        raise HTTPException(403, "This form was sent from another site, so nothing was done.")


def visitors_of(request: Request) -> Visitors:
    """Return who knows the people at the door this request came to."""
    visitors: Visitors = request.state.visitors
    return visitors


def visit_of(request: Request) -> Visit:
    """Return whose request this is; raises HTTPException like `Visitors.visit`."""
    return visitors_of(request).visit(request)


def change_of(request: Request, form_key: Annotated[str, Form()] = "") -> Visit:
    """Return whose form this is. Raises HTTPException: 401, and 403 for one that does not come from our own page."""
    refuse_foreign_form(request)
    visit = visit_of(request)
    if not hmac.compare_digest(form_key.encode(), visit.form_key.encode()):
        raise HTTPException(403, "This form has gone stale. Go back, load the page again, and try once more.")
    return visit


Reading = Annotated[Visit, Depends(visit_of)]
Changing = Annotated[Visit, Depends(change_of)]
