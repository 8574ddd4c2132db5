"""Which extractor is meant by a name."""

from scrubjay.extraction.claude import ClaudeExtractor, has_credentials
from scrubjay.extraction.openai import OpenAIExtractor
from scrubjay.ports import Extractor


def extractor_named(
    name: str, *, model: str | None = None, api_key: str | None = None, base_url: str | None = None
) -> Extractor | None:
    """Return the extractor of that name, None for "none"; "auto" is Claude where there is a key or profile, else none.

    Raises ConfigurationError when the SDK that it needs is not installed.
    """
    if name == "openai":
        return OpenAIExtractor(model or "", api_key=api_key, base_url=base_url)
    if name == "claude" or (name == "auto" and (api_key or has_credentials())):
        return ClaudeExtractor(model or "", api_key=api_key, base_url=base_url)
    return None
