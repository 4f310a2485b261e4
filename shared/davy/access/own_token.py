"""The token by which this process names itself to an aggregator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from davy.domain.errors import ConfigError

VARIABLE, FILE_VARIABLE = "DAVY_TOKEN", "DAVY_TOKEN_FILE"
CREDENTIAL = "davy-token"  # of a systemd unit: LoadCredential=davy-token:PATH
_of_task: ContextVar[str] = ContextVar("davy_own_token", default="")


@contextmanager
def named_by(token: str) -> Iterator[None]:
    """Name this task, and the tasks that it starts meanwhile, by a token of their own: for several programs in one process."""
    before = _of_task.set(token)
    try:
        yield
    finally:
        _of_task.reset(before)


def own_token() -> str:
    """Return the token; empty if there is none.

    It is the one of named_by, or else the text of DAVY_TOKEN, of the file that DAVY_TOKEN_FILE names, or of systemd's
    credential davy-token.

    Raises:
        ConfigError: The file cannot be read.
    """
    if token := _of_task.get():
        return token
    if token := os.environ.get(VARIABLE, ""):
        return token.strip()
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    default = Path(credentials, CREDENTIAL) if credentials and Path(credentials, CREDENTIAL).is_file() else None
    path = Path(named) if (named := os.environ.get(FILE_VARIABLE, "")) else default
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token's file {path} cannot be read: {error}") from error


def authorization() -> dict[str, str]:
    """The Authorization header of this process; empty without a token."""
    token = own_token()
    return {"authorization": f"Bearer {token}"} if token else {}
