"""The token by which this process names itself to an aggregator."""

import os

from pydantic import SecretStr

from davy.domain.secret_files import read_secret

VARIABLE = "DAVY_TOKEN"


def own_token() -> SecretStr:
    """Return the token; empty if there is none.

    It is the text of DAVY_TOKEN, of the file that DAVY_TOKEN_FILE names, or of systemd's credential davy-token.

    Raises:
        ConfigError: The file cannot be read.
    """
    return SecretStr(read_secret(VARIABLE, os.environ))


def authorization() -> dict[str, str]:
    """The Authorization header of this process; empty without a token."""
    token = own_token().get_secret_value()
    return {"authorization": f"Bearer {token}"} if token else {}
