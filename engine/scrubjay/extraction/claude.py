"""Claude as the extractor: one structured call of the Messages API for each window."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scrubjay.errors import AnswerTooLong, ExtractionError, ExtractorUnavailable
from scrubjay.extraction.calls import not_an_answer, reason, status_error
from scrubjay.extraction.model import LIMITS, ModelExtractor
from scrubjay.extraction.prompt import SYSTEM
from scrubjay.extraction.schema import SCHEMA

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import Message

_CUT_OFF = {"max_tokens", "model_context_window_exceeded"}
_SIGNS_OF_A_KEY = (
    "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
)  # fmt: skip
_NO_KEY = "there is no key for Claude; set ANTHROPIC_API_KEY, or SCRUBJAY_EXTRACTOR=none to do without"


class ClaudeExtractor(ModelExtractor):
    """Reads with a Claude model through the `anthropic` SDK, which takes 0.8 s to import."""

    sdk = "anthropic"
    default_model = "claude-haiku-5-5"

    async def answer(self, said: str, *, timeout_s: float) -> str:
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
            for limit in LIMITS:
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
