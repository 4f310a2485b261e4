"""The token by which this process names itself to an aggregator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pydantic import SecretStr

from davy.domain.secret_files import read_secret

VARIABLE = "DAVY_TOKEN"
_NONE = SecretStr("")
_of_task: ContextVar[SecretStr] = ContextVar("davy_own_token", default=_NONE)


@contextmanager
def named_by(token: str) -> Iterator[None]:
    """Name this task, and the tasks that it starts meanwhile, by a token of their own: for several programs in one process."""
    before = _of_task.set(SecretStr(token))
    try:
        yield
    finally:
        _of_task.reset(before)


def own_token() -> SecretStr:
    """Return the token; empty if there is none.

    It is the one of named_by, or else the text of DAVY_TOKEN, of the file that DAVY_TOKEN_FILE names, or of systemd's
    credential davy-token.

    Raises:
        ConfigError: The file cannot be read.
    """
    return _of_task.get() or SecretStr(read_secret(VARIABLE, os.environ))


def authorization() -> dict[str, str]:
    """The Authorization header of this process; empty without a token."""
    token = own_token().get_secret_value()
    return {"authorization": f"Bearer {token}"} if token else {}
