"""The id of a request: the caller's own or a new one; log lines, answers and the journal repeat it."""

import re
import uuid
from contextlib import AbstractContextManager

from structlog.contextvars import bound_contextvars, get_contextvars

HEADER = "x-request-id"
NAME = "request_id"

_LEGAL = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def accept(given: str) -> str:
    """Return the caller's id if it has 1 to 64 of letters, digits and ". _ : -", else a new one."""
    return given if _LEGAL.fullmatch(given) else uuid.uuid4().hex


def current() -> str:
    """The id of the request that this task serves; empty outside of any."""
    return str(get_contextvars().get(NAME, ""))


def serving(request_id: str) -> AbstractContextManager[object]:
    """A context in which log lines carry the id."""
    return bound_contextvars(**{NAME: request_id})
