"""How far something has come, told to whoever waits for it."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Told how many steps of how many are done."""


def untold(done: int, of: int) -> None:
    """Tell nobody of the progress."""
