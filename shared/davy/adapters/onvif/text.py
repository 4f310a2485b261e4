"""Texts that cameras announce."""

import re

MAX_CHARACTERS = 100
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")


def plain_text(value: object) -> str:
    """Return at most 100 printable characters of a value, on one line."""
    return _UNPRINTABLE.sub(" ", "" if value is None else str(value))[:MAX_CHARACTERS].strip()
