"""Who may use the server over HTTP: tokens, kept as hashes in one private file, and shown once."""

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError, field_serializer

from scrubjay import disk
from scrubjay.errors import ConfigurationError, InvalidInput, StoreBusy, StoreError
from scrubjay.rights import Right
from scrubjay.types import Owner, Scope

_FORM = re.compile(r"sj_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_SECRET_BYTES = 32
_PATIENCE_S = 10.0
_SPAN = re.compile(r"(\d{1,4})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


class Token(BaseModel):
    """What is kept of a token: whose it is and what it grants; of its secret only the SHA-256."""

    model_config = ConfigDict(frozen=True)

    id: str
    hash: str
    tenant: str
    user_id: str
    scopes: frozenset[Right]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @field_serializer("scopes")
    def _in_order(self, scopes: frozenset[Right]) -> list[str]:
        return sorted(scopes)

    def is_good(self, now: datetime) -> bool:
        """Whether it has neither expired nor been revoked."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class _Kept(BaseModel):
    version: int = 1
    tokens: list[Token] = []


class Tokens:
    """The tokens in a file. Thread-safe; what another process has changed counts from the next question on."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._guard = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._by_id: dict[str, Token] = {}

    def exist(self) -> bool:
        """Whether any token was ever made: from then on nobody comes in without one."""
        return self._read_stamp() is not None

    def listed(self) -> list[Token]:
        """Return all tokens, also those that are no longer good, oldest first. Raises ConfigurationError."""
        return list(self._current().values())

    def create(
        self, *, tenant: str, user_id: str, scopes: frozenset[Right], lifetime: timedelta | None = None
    ) -> tuple[str, Token]:
        """Make a token and return its text, which is kept nowhere, and what is kept of it.

        Raises InvalidInput, ConfigurationError, StoreError.
        """
        Owner(tenant=tenant, scope=Scope.USER, name=user_id)  # names that could own nothing are refused
        if not scopes:
            raise InvalidInput("scope", f"is empty; name some of {', '.join(Right)}")
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        now = self._now()
        token = Token(
            id=secrets.token_hex(6),
            hash=_hash(secret),
            tenant=tenant,
            user_id=user_id,
            scopes=scopes,
            created_at=now,
            expires_at=now + lifetime if lifetime else None,
        )
        with self._changing() as tokens:
            tokens[token.id] = token
        return f"sj_{token.id}_{secret}", token

    def revoke(self, token_id: str) -> Token:
        """Make a token worthless, at once and for good. Raises InvalidInput for an id that there is not."""
        with self._changing() as tokens:
            if token_id not in tokens:
                raise InvalidInput("ID", f"{token_id[:40]!r} is no token's id; `scrubjay token list` shows them")
            token = tokens[token_id]
            tokens[token_id] = token.model_copy(update={"revoked_at": token.revoked_at or self._now()})
            return tokens[token_id]

    def holder_of(self, text: str) -> Token | None:
        """Return the token with this text, None if there is none or it is no longer good. Raises ConfigurationError.

        Its secret has 256 random bits, so that a plain hash of it cannot be guessed back; hashes are compared in
        constant time.
        """
        form = _FORM.fullmatch(text)
        token = self._current().get(form[1]) if form else None
        wanted = token.hash if token else _hash("")
        is_right = hmac.compare_digest(_hash(form[2] if form else text), wanted)
        return token if token and is_right and token.is_good(self._now()) else None

    def still_good(self, token_id: str) -> Token | None:
        """Return the token with this id, None if it is no longer good. Raises ConfigurationError."""
        token = self._current().get(token_id)
        return token if token and token.is_good(self._now()) else None

    def _current(self) -> dict[str, Token]:
        with self._guard:
            stamp = self._read_stamp()
            if stamp != self._stamp:
                self._by_id = self._read() if stamp else {}
                self._stamp = stamp
            return self._by_id

    def _read_stamp(self) -> tuple[int, int, int] | None:
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"the tokens in {self._path} cannot be read ({error.strerror})") from error
        return (seen.st_ino, seen.st_mtime_ns, seen.st_size)

    def _read(self) -> dict[str, Token]:
        try:
            kept = _Kept.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError) as error:
            raise ConfigurationError(
                f"{self._path} is no file of tokens that can be read; put back a good copy, or remove it to begin anew"
            ) from error
        return {token.id: token for token in kept.tokens}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Token]]:
        """Give the tokens to change; they are written when the block ends well, one writer at a time."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(f"{self._path}.lock", timeout=_PATIENCE_S, mode=0o600):
                tokens = dict(self._current())
                yield tokens
                disk.put(self._path, _Kept(tokens=list(tokens.values())).model_dump_json(indent=1))
        except Timeout as error:
            raise StoreBusy(f"somebody else is changing {self._path}; try again") from error
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written ({error.strerror})") from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def scopes_of(text: str) -> frozenset[Right]:
    """Return the scopes in a list with commas; raises InvalidInput that names the wrong one."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in set(Right):
            raise InvalidInput("--scope", f"{name[:40]!r} is none of {', '.join(Right)}")
    return frozenset(map(Right, names))


def lifetime_of(text: str) -> timedelta | None:
    """Return how long a token lives ("90d", "12h", "4w"), None for "": until it is revoked. Raises InvalidInput."""
    if not text:
        return None
    form = _SPAN.fullmatch(text.strip().lower())
    if not form or not int(form[1]):
        raise InvalidInput(
            "--expires", f"{text[:40]!r} is no time span; give hours, days or weeks, like 12h, 90d or 4w"
        )
    return timedelta(hours=int(form[1]) * _HOURS[form[2]])
