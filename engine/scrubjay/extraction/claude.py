"""Claude as the extractor: one structured call of the Messages API for each window."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrubjay.errors import AnswerTooLong, ExtractionError, ExtractorUnavailable
from scrubjay.extraction.calls import Calls, not_an_answer, reason, status_error
from scrubjay.extraction.prompt import SYSTEM, user_turn
from scrubjay.extraction.schema import SCHEMA, facts_in
from scrubjay.readings import ExtractedFact, Window

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import Message

DEFAULT_MODEL = "claude-haiku-5-5"
_LIMITS = (8_000, 32_000)
"""Tokens of an answer, thinking included: at first, and when that was too few. A window's facts take about 1,000."""
_CUT_OFF = {"max_tokens", "model_context_window_exceeded"}
_SIGNS_OF_A_KEY = (
    "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
)  # fmt: skip
_NO_KEY = "there is no key for Claude; set ANTHROPIC_API_KEY, or SCRUBJAY_EXTRACTOR=none to do without"


class ClaudeExtractor:
    """Reads with a Claude model through the `anthropic` SDK, which is imported at the first call (0.8 s).

    Keys, profiles and `ANTHROPIC_BASE_URL` are the SDK's to find; `api_key` and `base_url` go before them.
    """

    def __init__(
        self,
        model: str = "",
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        new_mark: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self.name = model or DEFAULT_MODEL
        self._options: dict[str, Any] = {"api_key": api_key, "base_url": base_url}
        self._new_mark = new_mark
        self._calls = Calls()

    def extract(self, window: Window, *, timeout_s: float) -> list[ExtractedFact]:
        """Return the facts in a window's messages; raises ExtractionError, AnswerTooLong, ExtractorUnavailable."""
        import anthropic  # noqa: F401 - its time is not the model's

        said = user_turn(window, new_mark=self._new_mark)
        return facts_in(self._calls.answer(lambda: self._answer(said, timeout_s), timeout_s=timeout_s))

    def close(self) -> None:
        """End every call under way."""
        self._calls.close()

    async def _answer(self, said: str, timeout_s: float) -> str:
        """Return the text of an answer that came to its end."""
        import anthropic
        from httpx2 import InvalidURL

        options = {**self._options, "max_retries": 0, "timeout": timeout_s, "open_telemetry": False}
        try:
            client = anthropic.AsyncAnthropic(**options)
        except (anthropic.AnthropicError, InvalidURL, ValueError) as error:
            raise ExtractorUnavailable(f"Claude's key or address cannot be used: {error}") from error
        async with client:
            if not (client.api_key or client.auth_token or client.credentials):
                raise ExtractorUnavailable(_NO_KEY)
            for limit in _LIMITS:
                message = await self._message(client, said, limit)
                if str(message.stop_reason) not in _CUT_OFF:
                    return _text_of(message)
        raise AnswerTooLong("the model's answer was cut off")

    async def _message(self, client: "AsyncAnthropic", said: str, limit: int) -> "Message":
        import anthropic

        try:
            message = await client.messages.create(
                model=self.name,
                max_tokens=limit,
                system=[{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
                messages=[{"role": "user", "content": said}],
                output_config={"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
            )
        except anthropic.APIStatusError as error:
            raise status_error(error.status_code, error.response.headers, error.type) from error
        except anthropic.APIConnectionError as error:
            raise ExtractorUnavailable(f"Claude cannot be reached ({reason(error)})", temporary=True) from error
        except (anthropic.AnthropicError, ValueError, TypeError, RecursionError) as error:  # a body of any bytes
            raise not_an_answer() from error
        _check(message)
        return message


def _check(message: object) -> None:
    """Raise unless this is an answer: the SDK hands on a proxy's page as text, and objects without their fields."""
    from anthropic.types import Message

    if not isinstance(message, Message) or not isinstance(getattr(message, "content", None), list):
        raise not_an_answer()


def _text_of(message: "Message") -> str:
    if message.stop_reason == "refusal":
        category = getattr(message.stop_details, "category", None)
        raise ExtractionError(f"Claude declined to read these messages{f' ({category})' if category else ''}")
    texts = [getattr(block, "text", None) for block in message.content if getattr(block, "type", "") == "text"]
    return "".join(text for text in texts if isinstance(text, str))


def has_credentials() -> bool:
    """Whether there is a key or a profile for Claude, found by the SDK's own rules.

    The SDK is asked only when there is any sign of one, in the environment or on the disk: its import takes 0.8 s.
    """
    signs = any(os.environ.get(name) for name in _SIGNS_OF_A_KEY)
    if not signs and not _has_profiles():
        return False
    import anthropic
    from httpx2 import InvalidURL

    try:
        with anthropic.Anthropic() as client:
            return bool(client.api_key or client.auth_token or client.credentials)
    except (anthropic.AnthropicError, InvalidURL, ValueError, OSError):
        return signs  # there is something, and the first call will say what is wrong with it


def _has_profiles() -> bool:
    folder = os.environ.get("ANTHROPIC_CONFIG_DIR")
    if not folder and os.name == "nt":
        folder = str(Path(os.environ.get("APPDATA", "")) / "Anthropic")
    try:
        return (Path(folder) if folder else Path.home() / ".config" / "anthropic").exists()
    except (RuntimeError, OSError):  # an account without a home
        return False
