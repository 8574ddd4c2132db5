"""Mem0's form of configuration, checked name by name, and the extractor that a name means."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from scrubjay.errors import ConfigurationError
from scrubjay.ports import Extractor
from scrubjay.recall.weights import Ranking

EXTRACTORS = ("auto", "claude", "openai", "none")
_MOST_WEIGHT = 1_000
_MODEL = ("model", "api_key", "base_url")


class ChosenExtractor:
    """The extractor that was chosen, found out when it is needed: to look for a key may take an SDK's import."""

    def __init__(self, extractor: Extractor | str, *, model: str = "") -> None:
        self._guard = threading.Lock()
        self._is_known = not isinstance(extractor, str)
        self._name = extractor if isinstance(extractor, str) else ""
        self._model = model
        self._extractor = None if isinstance(extractor, str) else extractor
        if self._name not in {"", *EXTRACTORS}:
            raise ConfigurationError(f"there is no extractor {self._name!r}; it is one of {', '.join(EXTRACTORS)}")

    def __call__(self) -> Extractor | None:
        """Return the extractor, None for nobody; raises ConfigurationError when its SDK is not installed."""
        with self._guard:
            if not self._is_known:
                from scrubjay.extraction.choice import extractor_named

                self._extractor, self._is_known = extractor_named(self._name, model=self._model), True
        return self._extractor

    def close(self) -> None:
        """End what is being read; from now on there is nobody new."""
        with self._guard:
            self._is_known = True
            if self._extractor is not None:
                self._extractor.close()


def section(
    config: Mapping[str, Any], name: str, providers: Mapping[str, Sequence[str]]
) -> tuple[str, Mapping[str, Any]]:
    """Return the provider of a section (by default the first known) and its config, all names checked."""
    section = config.get(name) or {}
    refuse_unknown(section, ("provider", "config"), where=name)
    provider = section.get("provider", next(iter(providers)))
    if provider not in providers:
        raise ConfigurationError(f"{name}.provider {provider!r} is not known; it is one of {', '.join(providers)}")
    settings = section.get("config") or {}
    refuse_unknown(settings, providers[provider], where=f"{name}.config")
    return provider, settings


def extractor_of(config: Mapping[str, Any]) -> Extractor | str:
    """Return the extractor of the section `llm`: of Mem0's names `anthropic` and `openai`, or `none`."""
    if not config.get("llm"):
        return "auto"
    from scrubjay.extraction.choice import extractor_named

    provider, settings = section(config, "llm", {"none": (), "anthropic": _MODEL, "openai": _MODEL})
    name = "claude" if provider == "anthropic" else provider
    return extractor_named(name, **{key: value or None for key, value in settings.items()}) or "none"


def above_zero(config: Mapping[str, Any], name: str, *, default: float) -> float:
    """Return a number of the configuration; raises ConfigurationError unless it is above 0."""
    given = config.get(name, default)
    if isinstance(given, bool) or not isinstance(given, int | float) or given <= 0:
        raise ConfigurationError(f"{name} is {given!r}; it is a number above 0")
    return float(given)


def ranking_of(given: Mapping[str, Any]) -> Ranking:
    """Return the weights of search's signals, those not named being the usual; raises ConfigurationError."""
    known = [each.name for each in fields(Ranking)]
    refuse_unknown(given, known, where="ranking")
    for name, weight in given.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not -_MOST_WEIGHT <= weight <= _MOST_WEIGHT:
            raise ConfigurationError(f"ranking.{name} is not a number from -{_MOST_WEIGHT} to {_MOST_WEIGHT}")
    return Ranking(**given)


def refuse_unknown(given: object, known: Sequence[str], *, where: str) -> None:
    """Raise ConfigurationError for names that a mapping may not have."""
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{where} is {given!r}; it is a mapping with {', '.join(known) or 'nothing'}")
    for name in given:
        if name not in known:
            raise ConfigurationError(f"{where} has no setting {name!r}; it takes {', '.join(known) or 'none'}")
