"""Passwords and random secrets: how they are made, stored and compared.

Passwords of people are hashed by Argon2id (RFC 9106) with the library's parameters. Tokens and session secrets have 256
random bits, so a plain SHA-256 of them is as good as they are.
"""

import base64
import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from davy.domain.errors import InvalidInputError

MIN_PASSWORD, MAX_PASSWORD = 10, 256  # characters
TOKEN_PREFIX = "davy_"

_hasher = PasswordHasher()


def _random_bytes(count: int) -> str:
    return base64.b64encode(secrets.token_bytes(count)).decode().rstrip("=")


# A hash of no password, so that an unknown name takes as long as a wrong password; every import would compute a real one.
_NOBODY = (
    f"$argon2id$v={ARGON2_VERSION}$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    f"${_random_bytes(_hasher.salt_len)}${_random_bytes(_hasher.hash_len)}"
)


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password.

    Raises:
        InvalidInputError: It is shorter than 10 or longer than 256 characters.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidInputError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return _hasher.hash(password)


def verify_password(password: str, stored: str | None) -> bool:
    """Return whether a password belongs to a stored hash; None stands for a name that does not exist."""
    try:
        return _hasher.verify(stored or _NOBODY, password[:MAX_PASSWORD]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def new_secret() -> str:
    """256 random bits as text of URL-safe characters."""
    return secrets.token_urlsafe(32)


def new_token() -> tuple[str, str]:
    """A token for a program.

    Returns:
        Its public id, and the token itself, which starts with TOKEN_PREFIX and contains the id.
    """
    token_id = secrets.token_hex(6)
    return token_id, f"{TOKEN_PREFIX}{token_id}_{new_secret()}"


def digest(secret: str) -> str:
    """The stored form of a random secret: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()
