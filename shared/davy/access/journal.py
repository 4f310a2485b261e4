"""The audit journal: who did what, from where, what it changed and how it ended; refused attempts too."""

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import parse_qsl, urlencode

from davy.access.principal import Principal
from davy.access.roles import Permission
from davy.access.secrets import TOKEN_PREFIX
from davy.domain.urls import HIDDEN, redact_text
from davy.telemetry import get_logger

log = get_logger(__name__)

MAX_TEXT = 512  # characters of an operation and of a target
MAX_STATE = 8192  # characters of the JSON of before, and of after
REFUSALS: Final = frozenset({"401", "403", "429", "UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"})
"""Answers of attempts that nothing came of."""

_CHANGES = frozenset(
    {
        Permission.ADJUST,
        Permission.HOLD,
        Permission.KEEP,
        Permission.CONFIGURE,
        Permission.ROLL_OUT,
        Permission.CONFIRM,
        Permission.TRAIN,
        Permission.CURATE,
        Permission.ADMINISTER,
        Permission.PROPOSE_MODEL,
    }
)
_SENT_PICTURES = frozenset({Permission.ENHANCE, Permission.PUSH, Permission.ASK_IDENTITY})
_TOKEN = re.compile(rf"{TOKEN_PREFIX}[0-9a-f]+_[\w-]+")
_SECRET_PARAMETER = re.compile(r"pass|pwd|psw|^pw$|token|key|secret|auth|user|usr|login|cred|sig|^p$", re.IGNORECASE)
_SECRET_NAME = re.compile(r"pass|secret|token$|digest|private|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One operation, as the journal records it.

    Attributes:
        at_ns: Unix time in ns of the answer.
        who: Name of the principal, as authenticated.
        role: Its role, or "owner".
        via: How it was authenticated: session, token, certificate, proxy, open, process or none.
        address: Network address of the caller, "CLIENT via PROXY" behind a trusted proxy; the machine's name for a process.
        operation: "METHOD path" with the path's template, a full gRPC method, or a command.
        target: The path and query as asked, or the arguments as JSON.
        before: JSON of what the operation changed, before it; empty if it told nothing.
        after: The same, after it.
        answer: HTTP status, name of a gRPC status code, or "ok" and the error's class for a command.
        request_id: Id of the request, which the log repeats.
    """

    at_ns: int
    who: str
    role: str
    via: str
    address: str
    operation: str
    target: str = ""
    before: str = ""
    after: str = ""
    answer: str = ""
    request_id: str = ""

    @property
    def refused(self) -> bool:
        """Whether the caller was refused, or failed without a name: strangers can cause any number of these."""
        return self.answer in REFUSALS or (self.via == "none" and self.answer[:1] in ("4", "5"))


class Journal(Protocol):
    """Keeps entries."""

    def record(self, entry: JournalEntry) -> Awaitable[None]:
        """Keep an entry. It is kept from the call on; the awaitable ends when it is durable, and never raises."""
        ...


class LogJournal:
    """The journal of a service without a database: one log line per entry."""

    def record(self, entry: JournalEntry) -> Awaitable[None]:
        """Write the entry to the log."""
        fields = {name: getattr(entry, name) for name in JournalEntry.__slots__}
        log.info("journal.entry", **fields)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written


@dataclass(slots=True)
class Notes:
    """What a handler adds to the entry of its operation."""

    before: str = ""
    after: str = ""
    principal: Principal | None = None


_notes: ContextVar[Notes | None] = ContextVar("davy_journal_notes", default=None)


@contextmanager
def taking_notes() -> Iterator[Notes]:
    """Collect what handlers note inside."""
    notes = Notes()
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def note_change(before: object = None, after: object = None) -> None:
    """Add to the present operation's entry what it changed. Outside of an operation nothing happens.

    Args:
        before: JSON value; None for nothing. Passwords and tokens are hidden.
        after: The same, after the change.
    """
    if (notes := _notes.get()) is not None:
        notes.before, notes.after = state_text(before), state_text(after)


def note_texts(before: str, after: str) -> None:
    """Add to the present operation's entry what another process changed for it, as that one noted it."""
    if (notes := _notes.get()) is not None:
        notes.before, notes.after = before, after


def note_principal(principal: Principal) -> None:
    """Say who the present operation's caller has turned out to be, such as by signing in."""
    if (notes := _notes.get()) is not None:
        notes.principal = principal


def is_recorded(operation: str, permission: Permission) -> bool:
    """Return whether every call of an operation is recorded: those that change something, and signing in and out.

    Args:
        operation: "METHOD path", or a full gRPC method.
        permission: The permission that it needs.
    """
    if operation.startswith("/"):
        return permission in _CHANGES
    return operation.partition(" ")[0] not in ("GET", "HEAD", "WS") and permission not in _SENT_PICTURES


def state_text(value: object) -> str:
    """Return the JSON of a value without its secrets; of a long one its size and SHA-256. Empty for None."""
    if value is None:
        return ""
    text = json.dumps(hide_secrets(value), ensure_ascii=False, separators=(",", ":"), default=str)
    if len(text) <= MAX_STATE:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return json.dumps({"characters": len(text), "sha256": digest, "start": text[: MAX_STATE // 2]}, ensure_ascii=False)


def hide_secrets(value: object) -> object:
    """Return a JSON value with `***` in place of passwords, of tokens, and of the logins and queries of URLs."""
    if isinstance(value, Mapping):
        return {
            str(name): HIDDEN if _SECRET_NAME.search(str(name)) and isinstance(each, str) else hide_secrets(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide_secrets(each) for each in value]
    return hide_text(value) if isinstance(value, str) else value


def hide_text(text: str) -> str:
    """Return a text with `***` in place of API tokens, and of the login and the query of every URL."""
    return _TOKEN.sub(f"{TOKEN_PREFIX}{HIDDEN}", redact_text(text))


def shown_target(path: str, query: str = "") -> str:
    """Return a path and query as asked, without secrets, of at most MAX_TEXT characters.

    Davy's own queries say what was asked, so their values stay unless a name is one of a secret.
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    shown = urlencode(
        [(name, HIDDEN if _SECRET_PARAMETER.search(name) else hide_text(value)) for name, value in pairs], safe="*"
    )
    return (hide_text(path) + (f"?{shown}" if shown else ""))[:MAX_TEXT]
