"""Bounds of numbers and texts that come from outside: checked once, where they enter."""

import math
import re
from typing import Any

import pydantic_core

from davy.domain.camera import check_id
from davy.domain.errors import InvalidInputError

MAX_SEQ = 2**63 - 1  # SQLite's integers
MAX_SIDE = 65_535  # pixels; JPEG's own limit
MAX_TEXT = 1000  # characters
MAX_NS = 7_258_118_400 * 1_000_000_000  # Unix time of 2200-01-01: later times are no times of frames or events
MAX_DIGITS = 19
MAX_DEPTH = 32  # levels of a JSON value

_DIGITS = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}")
_HEADER_TEXT = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")


def check_seq(seq: int) -> int:
    """Return seq if it is 1 to 2^63 - 1; raise InvalidInputError otherwise."""
    if not 1 <= seq <= MAX_SEQ:
        raise InvalidInputError(f"seq is 1 to {MAX_SEQ}, got {seq}")
    return seq


def check_time_ns(name: str, value: int) -> int:
    """Return a Unix time in ns if it lies between 1970 and 2200; raise InvalidInputError otherwise."""
    if not 0 < value < MAX_NS:
        raise InvalidInputError(f"{name} is a Unix time in ns, above 0 and before the year 2200, got {value}")
    return value


def check_size(width: int, height: int) -> tuple[int, int]:
    """Return (width, height) if a JPEG can have it; raise InvalidInputError otherwise."""
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise InvalidInputError(f"a frame cannot be {width}x{height} pixels")
    return width, height


def check_boot_id(boot_id: str) -> str:
    """Return the id of an edge's boot if it is legal or empty; raise InvalidIdError otherwise."""
    return check_id("boot", boot_id) if boot_id else ""


def check_header_text(name: str, text: str) -> str:
    """Return a text if an HTTP header can carry it: printable ASCII, no space at its ends, at most MAX_TEXT characters.

    Raises:
        InvalidInputError: it cannot.
    """
    if len(text) > MAX_TEXT or not _HEADER_TEXT.fullmatch(text):
        raise InvalidInputError(f"{name} has at most {MAX_TEXT} characters of printable ASCII, got {text[:64]!r}")
    return text


def clamp_share(value: float) -> float:
    """Return value limited to [0, 1]; 1 where it is not a number."""
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 1.0


def clamp_rate(value: float) -> float:
    """Return a rate per second limited to [0, 120]; 0 where it is not a number."""
    return min(120.0, max(0.0, value)) if math.isfinite(value) else 0.0


def parse_uint(name: str, text: str) -> int:
    """Read a whole number of at most 19 digits; raise InvalidInputError if it is none."""
    if not _DIGITS.fullmatch(text):
        raise InvalidInputError(f"{name} is a whole number of at most {MAX_DIGITS} digits, got {text[:32]!r}")
    return int(text)


def read_json_object(what: str, payload: bytes) -> dict[str, Any]:
    """Read a JSON object that is written back to others as it is.

    Raises:
        InvalidInputError: it is no JSON object, is deeper than MAX_DEPTH levels, or holds a number that is not finite or a
            text that is not Unicode.
    """
    try:
        value = pydantic_core.from_json(payload, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInputError(f"{what}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"{what}: a JSON object is expected")
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        if not level:
            return value
        if not all(math.isfinite(each) for each in level if isinstance(each, float)):
            raise InvalidInputError(f"{what}: a number is not finite")
        level = [child for each in level for child in _children(each)]
    raise InvalidInputError(f"{what}: JSON of over {MAX_DEPTH} levels")


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@ -]{0,62}[A-Za-z0-9._@-])?")


def check_name(kind: str, name: str) -> str:
    """Return a name that people give; raise InvalidInputError unless it has 1 to 64 of letters, digits and ". _ @ -"."""
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"{kind} name {name[:80]!r} is not legal: use 1 to 64 of a-z, A-Z, 0-9, '.', '_', '@', '-' and spaces"
        )
    return name
