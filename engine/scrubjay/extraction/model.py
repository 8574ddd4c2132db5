"""What every extractor behind an SDK does: one question for each window, and an answer of the one form."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from typing import Any

from scrubjay.extraction.calls import Calls
from scrubjay.extraction.prompt import user_turn
from scrubjay.extraction.schema import facts_in
from scrubjay.readings import ExtractedFact, Window

LIMITS = (8_000, 32_000)
"""Tokens of an answer, thinking included: at first, and when that was too few. A window's facts take about 1,000."""


class ModelExtractor(ABC):
    """An extractor that asks a model through an SDK, which is imported at the first question.

    Keys and addresses are the SDK's to find; `api_key` and `base_url` go before them.
    """

    sdk: str
    default_model: str

    def __init__(
        self,
        model: str = "",
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        new_mark: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self.name = model or self.default_model
        self._options: dict[str, Any] = {"api_key": api_key, "base_url": base_url}
        self._new_mark = new_mark
        self._calls = Calls()

    def extract(self, window: Window, *, timeout_s: float) -> list[ExtractedFact]:
        """Return the facts in a window's messages; raises ExtractionError, AnswerTooLong, ExtractorUnavailable."""
        import_module(self.sdk)  # which takes its time, and that is not the model's
        said = user_turn(window, new_mark=self._new_mark)
        return facts_in(self._calls.answer(lambda: self.answer(said, timeout_s=timeout_s), timeout_s=timeout_s))

    def close(self) -> None:
        """End every call under way."""
        self._calls.close()

    @abstractmethod
    async def answer(self, said: str, *, timeout_s: float) -> str:
        """Return the text of an answer that came to its end; raises like `extract`."""
