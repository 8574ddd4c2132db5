"""A clock that moves when told to."""

from datetime import datetime, timedelta


class Clock:
    def __init__(self, start: datetime) -> None:
        self._at = start

    def now(self) -> datetime:
        return self._at

    def forward(self, step: timedelta) -> None:
        self._at += step
