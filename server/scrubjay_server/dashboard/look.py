"""How pages are made of templates, and the few files that they load from here."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from scrubjay_server.dashboard.words import WORDS_OF_PAGES

HOME = "/dashboard"
_TYPE_BY_ENDING = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """A file that pages load: its bytes, what they are, and the address that changes when they do."""

    content: bytes
    media_type: str
    address: str


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Return the files by their names."""
    folder = files(__package__).joinpath("static")
    return {each.name: _static(each.name, each.read_bytes()) for each in folder.iterdir() if "." in each.name}


def _static(name: str, content: bytes) -> StaticFile:
    digest = hashlib.sha256(content).hexdigest()[:12]
    kind = _TYPE_BY_ENDING[name.rsplit(".", 1)[1]]
    return StaticFile(content=content, media_type=kind, address=f"{HOME}/static/{name}?v={digest}")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(static=lambda name: static_files()[name].address, home=HOME, **WORDS_OF_PAGES)
    return environment


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; every value in it is text, whatever it looks like."""
    return HTMLResponse(_environment().get_template(template).render(**values), status)
