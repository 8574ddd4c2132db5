"""All addresses of the page."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter
from starlette.responses import Response

from scrubjay_server.dashboard import changing, reading, signing_in
from scrubjay_server.dashboard.calm import calm_route
from scrubjay_server.dashboard.look import HOME
from scrubjay_server.dashboard.visiting import Visitors

_GET: Mapping[str, Callable[..., Response]] = {
    "": signing_in.home,
    "/search": reading.find,
    "/results": reading.results,
    "/memories": reading.listed,
    "/memories/{memory_id}": reading.memory,
    "/past": reading.past,
    "/waiting": reading.waiting,
    "/connections": reading.connections,
    "/growth": reading.grown,
    "/data": reading.data,
    "/export": reading.export,
    "/sign-in": signing_in.sign_in_form,
    "/static/{name}": signing_in.static,
    "/{rest:path}": signing_in.nowhere,
}
_POST: Mapping[str, Callable[..., Response]] = {
    "/memories/{memory_id}/correct": changing.correct,
    "/memories/{memory_id}/confirm": changing.confirm,
    "/memories/{memory_id}/restore": changing.restore,
    "/forget": changing.ask_to_forget,
    "/forget/now": changing.forget,
    "/forget/everything": changing.forget_everything,
    "/sign-in": signing_in.sign_in,
    "/sign-out": signing_in.sign_out,
}


def pages(visitors: Visitors) -> APIRouter:
    """Return the page at /dashboard for whoever the visitors' door knows."""
    router = APIRouter(prefix=HOME, include_in_schema=False, route_class=calm_route(visitors))
    for path, answer in _POST.items():
        router.add_api_route(path, answer, methods=["POST"], response_model=None)
    for path, answer in _GET.items():
        router.add_api_route(path, answer, methods=["GET"], response_model=None)
    return router
