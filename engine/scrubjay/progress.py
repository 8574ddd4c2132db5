"""How far something has come, told to whoever waits for it."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Told how many steps of how many are done."""


def untold(done: int, of: int) -> None:
    """Tell nobody of the progress."""


def part_of(told: Progress, *, begin: int, total: int) -> Progress:
    """Return what tells the progress of a part as that of the whole, of which `begin` steps are done."""

    def report(done: int, _: int) -> None:
        told(min(begin + done, total), total)

    return report
