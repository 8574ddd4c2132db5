"""Requests to a model: one deadline for all tries of one, and an end to all of them when Scrubjay closes.

The SDKs' own retries obey a `retry-after` without a cap, and their timeouts count from byte to byte, so a service that
trickles holds a caller for ever. Cancelling is the only deadline that holds: hence an event loop within a thread that
waits anyway, in an engine that is synchronous everywhere else.
"""

import math
import re
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import anyio
from anyio.from_thread import run_sync
from anyio.lowlevel import EventLoopToken, current_token

from scrubjay.errors import ExtractionError, ExtractionTimeout, ExtractorUnavailable
from scrubjay.texts import one_line

T = TypeVar("T")

_TRIES = 5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_TEMPORARY = {408, 409, 425, 429}
_ABOUT_THE_REQUEST = {400, 413, 422}
_ABOUT_THE_KEY = {401, 403}
_SERVER_ERROR = 500
_A_KIND = re.compile(r"[a-z_]{1,40}")
_CLOSED = "Scrubjay is closing"


class Calls:
    """The requests under way."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._closed = False
        self._running: dict[int, tuple[EventLoopToken, anyio.CancelScope]] = {}

    def answer(self, ask: Callable[[], Awaitable[T]], *, timeout_s: float) -> T:
        """Return what `ask` returns, asked again while that may help and time is left.

        Raises ExtractorUnavailable when it stays unavailable or this is closed, ExtractionTimeout when time is up.
        """
        try:
            return anyio.run(self._within, ask, timeout_s)
        except RuntimeError as error:
            if threading.main_thread().is_alive():
                raise
            raise ExtractorUnavailable(_CLOSED) from error  # the interpreter is on its way out

    def close(self) -> None:
        """Cancel what is under way and refuse what comes."""
        with self._guard:
            self._closed = True
            running = list(self._running.values())
        for token, scope in running:
            with suppress(RuntimeError):  # its loop has ended meanwhile
                run_sync(scope.cancel, token=token)

    async def _within(self, ask: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        with anyio.CancelScope(deadline=anyio.current_time() + timeout_s) as scope:
            with self._guard:
                if self._closed:
                    raise ExtractorUnavailable(_CLOSED)
                self._running[id(scope)] = (current_token(), scope)
            try:
                return await _tried(ask, scope)
            finally:
                self._running.pop(id(scope), None)
        if self._closed:
            raise ExtractorUnavailable(_CLOSED)
        raise ExtractionTimeout(f"the model did not answer within {timeout_s:.3g} s")


async def _tried(ask: Callable[[], Awaitable[T]], scope: anyio.CancelScope) -> T:
    """Ask until an answer comes; a pause that would outlast the deadline ends it at once."""
    for number in range(_TRIES):
        try:
            return await ask()
        except ExtractorUnavailable as error:
            pause_s = min(_FIRST_PAUSE_S * 2**number, _LONGEST_PAUSE_S)
            if error.retry_after_s is not None:
                pause_s = max(error.retry_after_s, 0)
            last = number == _TRIES - 1
            if last or not error.temporary or anyio.current_time() + pause_s >= scope.deadline:
                raise
        await anyio.sleep(pause_s)
    raise AssertionError  # the last try returns or raises


def status_error(status: int, headers: Mapping[str, str], kind: object) -> ExtractionError:
    """Return what an HTTP error status means: these messages are at fault, or the moment, or the configuration.

    `kind`: the service's word for it. What else it says is told to nobody: it may quote the messages.
    """
    named = f" {kind}" if isinstance(kind, str) and _A_KIND.fullmatch(kind) else ""
    told = f"HTTP {status}{named}"
    if status in _ABOUT_THE_REQUEST:
        return ExtractionError(f"the model's service refuses the request ({told})")
    temporary = status in _TEMPORARY or status >= _SERVER_ERROR
    asked_to_retry = headers.get("x-should-retry")
    if asked_to_retry in {"true", "false"}:
        temporary = asked_to_retry == "true"
    if status in _ABOUT_THE_KEY:
        return ExtractorUnavailable(f"the model's service refuses the key ({told}); check it and its rights")
    return ExtractorUnavailable(
        f"the model's service is not available ({told})",
        temporary=temporary,
        retry_after_s=_seconds(headers.get("retry-after", "")),
    )


def not_an_answer() -> ExtractorUnavailable:
    """Return the error for a reply that is none of the service's: a proxy's page, a body cut off."""
    return ExtractorUnavailable(
        "what came back is no answer of the model's service; is there a proxy in between?", temporary=True
    )


def reason(error: Exception) -> str:
    """Return why a connection failed: the SDKs say "Connection error." and leave the reason to the cause."""
    return one_line(str(error.__cause__ or error), longest=200)


def _seconds(text: str) -> float | None:
    """Return the seconds of a retry-after header; its other form, a date, is not worth a clock here."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None
