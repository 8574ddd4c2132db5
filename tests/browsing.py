"""What tests in a browser share: the application as it is reached, and what the browser has to say about it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page

from demo_person import TODAY
from scrubjay_server.dashboard.sessions import Codes
from scrubjay_server.tokens import Tokens

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_MS = 20_000


@dataclass
class Site:
    """The application as it is reached, with what whoever runs it can hand out."""

    url: str
    codes: Codes
    tokens: Tokens
    folder: Path

    def way_in(self) -> str:
        return f"{self.url}/dashboard?code={self.codes.issue()}"


@dataclass
class Seen:
    """What a browser complained about but what was `expected`, and whom it asked for anything."""

    complaints: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    expected: str = "nothing"

    def watch(self, page: Page) -> Page:
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.add(request.url.split("/dashboard")[0]))
        return page

    def _note(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"} and self.expected not in said.text:
            self.complaints.append(said.text)


def ticking() -> Callable[[], datetime]:
    """Return a clock that stands at noon of the day on which Mara's memory ends, and never shows a moment twice."""
    ticks = count()
    return lambda: TODAY + timedelta(hours=3, milliseconds=next(ticks))
