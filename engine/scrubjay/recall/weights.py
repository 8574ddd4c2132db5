"""How much each signal counts: one weight per signal, and what recall loses without it."""

from dataclasses import dataclass, fields, replace
from typing import Self

from scrubjay.errors import InvalidInput

LIKENESS = ("dense", "lexical", "coverage")
"""The signals that compare texts, and know nothing of who said what when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The weights of the signals of `recall.signals`, relative to each other; 0 turns one off.

    They hold for the bundled model. Chosen on one part of LoCoMo and LongMemEval and reported on another; the figures
    are what the first loses without the signal (docs/recall.md has the whole table and the command).
    """

    dense: float = 1.0
    lexical: float = 1.2
    neighbours: float = 0.2
    conversation: float = 1.4
    speaker: float = 0.8
    date: float = 1.5
    role: float = 0.5
    importance: float = 0.2
    entity: float = 0.5
    support: float = 0.3
    coverage: float = 0.4
    own_words: float = 0.4
    when: float = 1.0
    question: float = -0.2
    updates: float = 1.0
    """Not a weight but on or off: newer before older among hits about the same thing (`recall.updates`)."""

    def only(self, *signals: str) -> Self:
        """Return these weights with all others turned off; raises InvalidInput for a name that is none."""
        self.without(*signals)
        return self.without(*{each.name for each in fields(self)} - set(signals))

    @property
    def is_likeness(self) -> bool:
        """Whether nothing counts but what two texts have in common."""
        return self == self.only(*LIKENESS)

    def without(self, *signals: str) -> Self:
        """Return these weights with some turned off; raises InvalidInput for a name that is none."""
        names = {each.name for each in fields(self)}
        for signal in signals:
            if signal not in names:
                raise InvalidInput("signal", f"{signal[:40]!r} is none of {', '.join(sorted(names))}")
        return replace(self, **dict.fromkeys(signals, 0.0))
