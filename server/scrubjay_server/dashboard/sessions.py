"""Who is signed in to the page, and the codes that open it once. All in memory: a restart signs everybody out."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

IDLE_S = 12 * 3600
_MOST_SESSIONS = 1_000
_MOST_OF_ONE = 20
_MOST_CODES = 16
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser that is signed in: by which token ("" for the local person), and what its forms have to carry."""

    token_id: str
    form_key: str


class Sessions:
    """The browsers that are signed in, by the SHA-256 of what their cookie says. Thread-safe.

    One that asks for nothing during 12 hours is signed out, and of too many the one that was quiet the longest: first
    of too many with one token, so that nobody signs others out by signing in again and again.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic, most: int = _MOST_SESSIONS) -> None:
        self._now = now
        self._most = most
        self._guard = threading.Lock()
        self._by_digest: OrderedDict[str, tuple[Session, float]] = OrderedDict()
        """Each with when it asked last; the quietest first."""

    def open(self, token_id: str) -> str:
        """Sign a browser in, and return what its cookie has to say."""
        cookie = secrets.token_urlsafe(_SECRET_BYTES)
        with self._guard:
            self._drop_the_quietest_of(token_id)
            session = Session(token_id=token_id, form_key=secrets.token_urlsafe(_SECRET_BYTES))
            self._by_digest[_digest(cookie)] = (session, self._now())
            self._drop_the_quietest()
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Return the session with this cookie, if there is one; that counts as asking."""
        with self._guard:
            self._drop_the_quietest()
            found = self._by_digest.pop(_digest(cookie), None)
            if found is None:
                return None
            self._by_digest[_digest(cookie)] = (found[0], self._now())
            return found[0]

    def close(self, cookie: str) -> None:
        """Sign a browser out."""
        with self._guard:
            self._by_digest.pop(_digest(cookie), None)

    def _drop_the_quietest_of(self, token_id: str) -> None:
        own = [digest for digest, (session, _) in self._by_digest.items() if session.token_id == token_id]
        for digest in own[: max(0, len(own) + 1 - _MOST_OF_ONE)]:
            del self._by_digest[digest]

    def _drop_the_quietest(self) -> None:
        while self._by_digest:
            _, asked_last = next(iter(self._by_digest.values()))
            if len(self._by_digest) <= self._most and self._now() - asked_last < IDLE_S:
                return
            self._by_digest.popitem(last=False)


class Codes:
    """Codes that open the page once, for the person who started the server. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._open: list[str] = []

    def issue(self) -> str:
        """Return a new code; of too many that nobody has used the oldest is worth nothing any more."""
        code = secrets.token_urlsafe(_SECRET_BYTES)
        with self._guard:
            self._open = [*self._open, code][-_MOST_CODES:]
        return code

    def redeem(self, code: str) -> bool:
        """Whether the code is good; now it is no longer. All codes are compared, each in constant time."""
        with self._guard:
            same = [hmac.compare_digest(each.encode(), code.encode()) for each in self._open]
            self._open = [each for each, is_it in zip(self._open, same, strict=True) if not is_it]
        return any(same)


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
