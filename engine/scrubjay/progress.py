"""How far something has come, told to whoever waits for it."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Told how many steps of how many are done."""


def untold(done: int, of: int) -> None:
    """Tell nobody of the progress."""


def share_of(told: Progress, *, number: int, of: int) -> Progress:
    """Return what tells the progress of one of several things of the same size, of which `number` are done."""

    def report(done: int, steps: int) -> None:
        told(number * steps + done, of * steps)

    return report


def part_of(told: Progress, *, begin: int, total: int) -> Progress:
    """Return what tells the progress of a part as that of the whole, of which `begin` steps are done."""

    def report(done: int, _: int) -> None:
        told(min(begin + done, total), total)

    return report
