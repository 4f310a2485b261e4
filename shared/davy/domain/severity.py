"""The severity of events and alarms."""

import logging
from enum import IntEnum
from typing import Literal, Self, get_args

SeverityName = Literal["info", "warning", "alarm"]
"""A severity as REST and the console write it."""


class Severity(IntEnum):
    """How urgent an event is. The numbers are those of `davy.v1.Severity` and of the event store."""

    INFO = 1
    WARNING = 2
    ALARM = 3

    @classmethod
    def nearest(cls, number: int) -> Self:
        """Return the severity of a number from a wire; one out of range counts as the nearest."""
        return cls(max(cls.INFO.value, min(number, cls.ALARM.value)))

    @classmethod
    def named(cls, name: SeverityName) -> Self:
        """Return the severity of a name."""
        return cls[name.upper()]

    @property
    def label(self) -> SeverityName:
        """The name in lower case."""
        return get_args(SeverityName)[self - 1]  # type: ignore[no-any-return]  # one of the literal's words

    @property
    def log_level(self) -> int:
        """The level of a log line about such an event."""
        return {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING}.get(self, logging.ERROR)
