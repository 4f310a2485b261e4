"""Reads stored values, the unreadable ones apart."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import ValidationError

from davy.domain.errors import InvalidInputError
from davy.domain.validation import first_error
from davy.telemetry import get_logger

log = get_logger(__name__)

S = TypeVar("S")
K = TypeVar("K")


def read_stored(read: Callable[[str], S], bodies: Mapping[K, str]) -> tuple[dict[K, S], list[tuple[str, str]]]:
    """Read stored values. One that is unreadable, such as one of another version, does not prevent the start.

    Args:
        read: Reads one of them; raises ValueError or InvalidInputError.
        bodies: The stored values, by key.

    Returns:
        The readable values by key, and the body of each unreadable one with its reason.
    """
    found, unreadable = {}, []
    for key, body in bodies.items():
        try:
            found[key] = read(body)
        except (ValueError, InvalidInputError) as error:
            reason = first_error(error) if isinstance(error, ValidationError) else str(error)
            log.error("decision.set_aside", error=reason[:300])
            unreadable.append((body, reason))
    return found, unreadable
