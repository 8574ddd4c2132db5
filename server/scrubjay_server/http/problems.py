"""Errors as problem documents (RFC 9457): one line that says what to do, and never a stack trace."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from scrubjay.errors import NotAllowed, ScrubjayError
from scrubjay_server.statuses import status_of

PROBLEM_TYPE = "application/problem+json"
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""What every answer says that may hold somebody's words."""

_UNEXPECTED = "it failed inside; the server's log has the details"
_TOLD_OTHERWISE = {404: "there is nothing at this path; /api/v1/openapi.json tells what there is"}


class Problem(BaseModel):
    """An error: what happened, and what to do next."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(description="One line, for a person to read.", examples=["content is empty; give the words"])


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a problem document."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, headers={**PRIVATE, **(headers or {})}, media_type=PROBLEM_TYPE)


def tell_problems(app: FastAPI) -> None:
    """Have the engine's errors, the router's under /api/, and those that nobody expected told as problem documents."""
    app.add_exception_handler(ScrubjayError, _of_the_engine)
    app.add_exception_handler(HTTPException, _of_the_router)
    app.add_exception_handler(Exception, _of_nobody)


def _of_the_engine(_: Request, error: Exception) -> Response:
    status = status_of(error) if isinstance(error, ScrubjayError) else 500
    scope = f'Bearer error="insufficient_scope", scope="{error.needed}"' if isinstance(error, NotAllowed) else ""
    return problem(status, str(error), headers={"WWW-Authenticate": scope} if scope else None)


async def _of_the_router(request: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    if not request.scope["path"].startswith("/api/"):
        return await http_exception_handler(request, refused)
    headers = dict(refused.headers or {})
    detail = _TOLD_OTHERWISE.get(refused.status_code, str(refused.detail))
    if refused.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_of(request))
        detail = f"this path does not take {request.method[:20]}; it takes {headers['Allow']}"
    return problem(refused.status_code, detail, headers=headers)


def _methods_of(request: Request) -> list[str]:
    """Return what a path takes, whose route is known; each method of it is a route of its own."""
    paths: dict[str, Any] = request.app.openapi()["paths"]
    route = request.scope.get("route")
    known = paths.get(getattr(route, "path_format", ""))
    return sorted(map(str.upper, known) if known else getattr(route, "methods", ["GET"]))


def _of_nobody(_: Request, __: Exception) -> Response:
    """Tell nothing of an unexpected error, which Starlette raises again for the log."""
    return problem(500, _UNEXPECTED)


_EXAMPLES: Mapping[int, tuple[str, str]] = {
    400: ("The request cannot be read.", "the body is not JSON: line 1, column 2"),
    401: ("There is no token, or it is wrong, expired or revoked.", "send a good token as `Authorization: Bearer …`"),
    403: ("The token does not have the scope that this takes.", "this takes the scope 'admin'"),
    404: ("No memory of yours has this id.", "no memory has the id 'aaaaaaaaaaaaaaaa'"),
    408: ("The body did not come in time.", "the body did not come within 30 seconds"),
    413: ("The body is larger than 4 MiB.", "the body is larger than 4 MiB; send it in several requests"),
    415: ("The body is not JSON.", "send a JSON object, as application/json"),
    421: ("The server is not known under this host name.", "this server does not know the Host of the request"),
    422: ("A field or parameter is wrong; the detail names it.", "limit must be greater than or equal to 1"),
    429: ("Too many requests; `Retry-After` says when to come again.", "too many requests; the limit is 3000 a minute"),
    500: ("It failed inside; the server's log says why.", _UNEXPECTED),
    503: ("The store cannot be used now; nothing was half-done.", "another process holds the lock; try again"),
}
_HEADERS = {
    401: {"WWW-Authenticate": "How to get in, and where the metadata of this resource is (RFC 9728)."},
    429: {"Retry-After": "Seconds to wait."},
}
ALWAYS = (401, 403, 421, 422, 429, 500, 503)
"""With what every operation may be answered: `422` also for a parameter that there is not."""


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what an OpenAPI document says of these statuses."""
    return {status: _described(status) for status in statuses}


def _described(status: int) -> dict[str, Any]:
    meaning, detail = _EXAMPLES[status]
    example = Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail)
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example.model_dump()}
    headers = {
        name: {"description": told, "schema": {"type": "string"}} for name, told in _HEADERS.get(status, {}).items()
    }
    return {
        "description": meaning,
        "content": {PROBLEM_TYPE: content},
        **({"headers": headers} if headers else {}),
    }
