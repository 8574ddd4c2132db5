"""Who asks: each request's tenant and user come from its token, and from nothing else."""

import ipaddress
import json
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from scrubjay.errors import ConfigurationError
from scrubjay.rights import Right
from scrubjay.types import Owner
from scrubjay_server.http.problems import problem
from scrubjay_server.loading import local_principal
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Token, Tokens
from scrubjay_tools.host import Principal, caller

METADATA_PATH = "/.well-known/oauth-protected-resource"
_LOCAL = "local"
"""Stands where a token's id stands for who needs none."""
RESOURCES = ("/mcp", "/sse", "/api/v1")
"""What a token opens, as clients know it."""
_OPEN = ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/.well-known", "/dashboard")
"""What needs no token: nobody's memory is there, the page has a door of its own, and / leads to it."""


class Visitor(AccessToken):
    """A principal in the form in which the SDK carries who asks, and ties transport sessions to them."""

    principal: Principal


class Identities:
    """Who a token stands for, and who asks without one: the local person, as long as no token was ever made.

    The bound address has to be a loopback one for that, which `require_tokens` sees to.
    """

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._were_seen = tokens.exist()

    def need_tokens(self) -> bool:
        """Whether nobody comes in without a token; once so, it stays so until the server ends."""
        self._were_seen = self._were_seen or self._tokens.exist()
        return self._were_seen

    def by_token(self, text: str) -> tuple[str, Principal] | None:
        """Return a token's id and whom it stands for; None when it is wrong, expired or revoked."""
        token = self._tokens.holder_of(text)
        return (token.id, self._principal(token)) if token else None

    def by_token_id(self, token_id: str) -> Principal | None:
        """Return whom the token with this id stands for; None when it is no longer good."""
        token = self._tokens.still_good(token_id)
        return self._principal(token) if token else None

    def let_in(self, token_id: str) -> bool:
        """Whether who once came in with this token, or as the local person, would come in now as well."""
        try:
            return (self.local() if token_id == _LOCAL else self.by_token_id(token_id)) is not None
        except ConfigurationError:
            return False

    def local(self) -> Principal | None:
        """Return who asks without a token; None when tokens are needed."""
        return None if self.need_tokens() else local_principal(self._settings)

    def served(self) -> Callable[[Owner], bool]:
        """Return what tells whether this server reads an owner's words for facts.

        It does so for everybody who may come in now, and for all of a tenant in whose people's names an admin may act.
        """
        local = self.local()
        good = [] if local else [token for token in self._tokens.listed() if self._tokens.still_good(token.id)]
        people = [local] if local else [self._principal(token) for token in good]
        own = {owner for person in people for owner in caller(person).owners()}
        administered = {token.tenant for token in good if Right.ADMIN in token.scopes}
        return lambda owner: owner in own or owner.tenant in administered

    def _principal(self, token: Token) -> Principal:
        agent_id = self._settings.agent_id
        return Principal(tenant=token.tenant, user_id=token.user_id, agent_id=agent_id, rights=token.scopes)


class Access:
    """Lets in who brings a good token (or, without any tokens, everybody, as the local person); 401 for all others."""

    def __init__(self, app: ASGIApp, *, identities: Identities, base_url: Callable[[HTTPConnection], str]) -> None:
        self._app = app
        self._identities = identities
        self._base_url = base_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on with who asks."""
        if scope["type"] != "http" or _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            visitor = self._visitor(Headers(scope=scope))
        except ConfigurationError as error:
            await problem(503, str(error))(scope, receive, send)
            return
        if visitor is None:
            await self._refusal(HTTPConnection(scope))(scope, receive, send)
            return
        scope["auth"], scope["user"] = AuthCredentials(visitor.scopes), AuthenticatedUser(visitor)
        await self._app(scope, receive, send)

    def _refusal(self, connection: HTTPConnection) -> Response:
        path = connection.scope["path"]
        entrance = "/sse" if path.startswith("/messages") else path
        resource = next((known for known in RESOURCES if entrance.startswith(known)), "")
        metadata = f'resource_metadata="{self._base_url(connection)}{METADATA_PATH}{resource}"'
        wrong = 'error="invalid_token", ' if "authorization" in connection.headers else ""  # RFC 6750, 3.1
        told = "send a good token as `Authorization: Bearer …`; `scrubjay token create` makes one"
        return problem(401, told, headers={"WWW-Authenticate": f"Bearer {wrong}{metadata}"})

    def _visitor(self, headers: Headers) -> Visitor | None:
        local = self._identities.local()
        if local:
            return _visitor(_LOCAL, local)
        scheme, _, text = headers.get("authorization", "").partition(" ")
        known = self._identities.by_token(text.strip()) if scheme.lower() == "bearer" else None
        return _visitor(*known) if known else None


def _visitor(token_id: str, principal: Principal) -> Visitor:
    return Visitor(
        token="",
        client_id=token_id,
        scopes=sorted(principal.rights),
        subject=json.dumps([principal.tenant, principal.user_id]),
        principal=principal,
    )


def _is_open(path: str) -> bool:
    return path == "/" or any(path == known or path.startswith(f"{known}/") for known in _OPEN)


def principal_of(connection: HTTPConnection) -> Principal:
    """Return who sent a request that `Access` has let in."""
    return _visitor_of(connection).principal


def token_id_of(connection: HTTPConnection) -> str:
    """Return with which token, in the form that `Identities.let_in` takes."""
    return _visitor_of(connection).client_id


def _visitor_of(connection: HTTPConnection) -> Visitor:
    return cast("Visitor", cast("AuthenticatedUser", connection.scope["user"]).access_token)


def principal_now() -> Principal:
    """Return who sent the message that is being answered, wherever in the SDK that is."""
    return cast("Visitor", get_access_token()).principal


def require_tokens(settings: Settings, tokens: Tokens) -> None:
    """Raise ConfigurationError when a server without tokens would listen to anybody but this machine.

    A public URL of another host counts: there is a proxy then, which brings everybody to loopback.
    """
    if tokens.exist():
        return
    if not is_loopback(settings.host):
        raise ConfigurationError(
            f"without tokens the server listens on this machine only, not on {settings.host!r}: anybody could read "
            "everything. Make one with `scrubjay token create --user NAME`, or use --host 127.0.0.1"
        )
    public = urlsplit(settings.public_url).hostname
    if public and not is_loopback(public):
        raise ConfigurationError(
            f"without tokens the server is for this machine only, not for {settings.public_url!r}: anybody could read "
            "everything. Make one with `scrubjay token create --user NAME`, or leave --public-url out"
        )


def is_loopback(host: str) -> bool:
    """Whether an address or name stands for this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
