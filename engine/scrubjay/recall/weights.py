"""How much each signal counts: one weight per signal, and what recall loses without it."""

from dataclasses import dataclass, fields, replace
from typing import Self

from scrubjay.errors import InvalidInput

LIKENESS = ("dense", "lexical", "coverage")
"""The signals that compare texts, and know nothing of who said what when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The weights of the signals of `recall.signals`, relative to each other; 0 turns one off.

    They hold for the bundled model. Beside each stands what changes without it: recall@10 and MRR on LoCoMo's turns,
    any@1 and any@5 in LongMemEval's pool, over all questions. docs/recall.md has it by part, and the command.
    """

    dense: float = 1.0
    """Off: recall@10 -.037, MRR -.015; any@1 -.012, any@5 -.012."""
    lexical: float = 1.2
    """Off: recall@10 -.040, MRR -.075; any@1 -.077, any@5 -.049."""
    neighbours: float = 0.2
    """Off: recall@10 -.002, MRR +.001; any@1 +.004, any@5 +.004."""
    conversation: float = 1.4
    """Off: recall@10 -.022, MRR -.013; any@1 +.004, any@5 +.004."""
    speaker: float = 0.8
    """Off: recall@10 -.019, MRR -.023; any@1 0, any@5 0."""
    date: float = 1.5
    """Off: recall@10 -.006, MRR -.004; any@1 0, any@5 -.016."""
    role: float = 0.5
    """Off: recall@10 0, MRR 0; any@1 -.028, any@5 +.008."""
    importance: float = 0.2
    """Not to be measured here: the data sets' facts all matter alike."""
    entity: float = 0.5
    """Not to be measured here: the data sets' facts name no entities."""
    support: float = 0.3
    """Nothing without facts. With them recall@10 was .829, and .832 without it; MRR the same."""
    coverage: float = 0.4
    """Off: recall@10 +.002, MRR +.004; any@1 -.012, any@5 -.008."""
    own_words: float = 0.4
    """Off: recall@10 -.005, MRR -.003; any@1 0, any@5 0."""
    when: float = 1.0
    """Off: recall@10 -.006, MRR -.009; any@1 0, any@5 0."""
    question: float = -0.2
    """Off: recall@10 -.007, MRR -.003; any@1 -.016, any@5 +.004."""
    updates: float = 1.0
    """No weight, but on or off: the newer of two statements first (`recall.updates`).

    Off: recall@10 -.001, MRR +.018; any@1 -.020, any@5 0.
    """

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
