"""OpenAI's models, or any service that speaks the Chat Completions API, as the extractor."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from scrubjay.errors import AnswerTooLong, ConfigurationError, ExtractionError, ExtractorUnavailable
from scrubjay.extraction.calls import not_an_answer, reason, status_error
from scrubjay.extraction.model import LIMITS, ModelExtractor
from scrubjay.extraction.prompt import SYSTEM
from scrubjay.extraction.schema import SCHEMA

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat.chat_completion import Choice


class OpenAIExtractor(ModelExtractor):
    """Reads with a model behind the `openai` SDK (the extra `openai`), or any service that speaks the same API.

    Raises ConfigurationError when the extra is not installed.
    """

    sdk = "openai"
    default_model = "gpt-5.4-mini"

    def __init__(self, model: str = "", **options: Any) -> None:
        if find_spec("openai") is None:
            raise ConfigurationError("the openai extractor needs the extra `openai`: pip install 'scrubjay[openai]'")
        super().__init__(model, **options)

    async def answer(self, said: str, *, timeout_s: float) -> str:
        """Return the text of an answer that came to its end."""
        import openai
        from httpx2 import InvalidURL

        try:
            client = openai.AsyncOpenAI(**self._options, max_retries=0, timeout=timeout_s)
        except openai.OpenAIError as error:
            raise ExtractorUnavailable("there is no key for OpenAI; set OPENAI_API_KEY") from error
        except (InvalidURL, ValueError) as error:
            raise ExtractorUnavailable(f"OpenAI's key or address cannot be used: {error}") from error
        async with client:
            for limit in LIMITS:
                choice = await self._choice(client, said, limit)
                if getattr(choice, "finish_reason", None) != "length":
                    return _text_of(choice)
        raise AnswerTooLong("the model's answer was cut off")

    async def _choice(self, client: "AsyncOpenAI", said: str, limit: int) -> "Choice":
        import openai

        try:
            completion = await client.chat.completions.create(
                model=self.name,
                max_completion_tokens=limit,
                messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": said}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "facts", "strict": True, "schema": SCHEMA},
                },
            )
        except openai.APIStatusError as error:
            raise status_error(error.status_code, error.response.headers, error.type) from error
        except openai.APIConnectionError as error:
            raise ExtractorUnavailable(
                f"the model's service cannot be reached ({reason(error)})", temporary=True
            ) from error
        except UnicodeEncodeError as error:
            raise ExtractorUnavailable("OpenAI's key holds characters that no key has") from error
        except (openai.OpenAIError, ValueError, TypeError, RecursionError) as error:  # a body of any bytes
            raise not_an_answer() from error
        _check(completion)
        return completion.choices[0]


def _check(completion: object) -> None:
    """Raise unless this is an answer: the SDK hands on a proxy's page as text, and objects without their fields."""
    from openai.types.chat import ChatCompletion

    choices = getattr(completion, "choices", None)
    if not isinstance(completion, ChatCompletion) or not isinstance(choices, list) or not choices:
        raise not_an_answer()


def _text_of(choice: "Choice") -> str:
    message = getattr(choice, "message", None)
    if getattr(message, "refusal", None) or getattr(choice, "finish_reason", None) == "content_filter":
        raise ExtractionError("the model declined to read these messages")
    content = getattr(message, "content", None)
    return content if isinstance(content, str) else ""
