"""What a memory costs in a reply, in tokens: field by field, each text priced once."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from scrubjay.recall.reply import compact, told
from scrubjay.types import Shown

_LONGEST_WORD_TOKENS = 100  # a cut may fall into a word; longer words count as unknown, by their length
_CHARS_PER_TOKEN = 6  # more than words have, so that a head of so many characters mostly settles it
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Prices:
    """Prices of memories and of their parts, for one reply.

    The tokenizer breaks at punctuation, so the price of a JSON text is the sum of its fields'. Most fields have the
    same few values in all hits (kinds, scopes, days), and counting is what takes the time.
    """

    def __init__(self, count_tokens: Callable[[str], int]) -> None:
        self._count = cache(count_tokens)

    def frame(self, *, max_tokens: int, hits: int) -> int:
        """Return the most that the reply around the hits costs: a figure is at worst a token for each digit."""
        figures = len(str(max_tokens)) + len(str(hits))
        return self._count(compact({"results": [], "tokens": 0, "left_out": 0})) - 2 + figures

    def row(self, row: Shown, *, at_most: int) -> int:
        """Return what a memory and its comma cost, or some figure above `at_most` if it is more than that."""
        shape = told(row)
        memory = shape.pop("memory")
        spent = self._count('{"memory":}') + sum(self._count(f'"{name}":') + 1 for name in shape) + 1
        for value in (*shape.values(), memory):
            if spent > at_most:
                break
            spent += self.value(value, at_most=at_most - spent)
        return spent

    def value(self, value: Any, *, at_most: int) -> int:
        """Return what a JSON value costs, or some figure above `at_most` if it is more than that.

        Of a text that is certainly longer only a head is counted.
        """
        head_chars = (at_most + _LONGEST_WORD_TOKENS) * _CHARS_PER_TOKEN
        if isinstance(value, str) and len(value) > head_chars:
            least = self._count(_as_json(value[:head_chars])) - _LONGEST_WORD_TOKENS
            if least > at_most:
                return least
        return self._count(_as_json(value))

    def list_frame(self, name: str) -> int:
        """Return what a field with a list costs without its items; each item costs its value and a comma."""
        return self._count(f'"{name}":[]')

    def rows(self, rows: Sequence[Shown], *, room: int) -> list[int]:
        """Return what each row costs, up to the first that does not fit `room` together with those before it."""
        prices: list[int] = []
        for row in rows:
            price = self.row(row, at_most=room)
            if price > room:
                break
            prices.append(price)
            room -= price
        return prices
