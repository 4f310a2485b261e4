"""Enrolment: a one-time token lets a machine have the key that it made certified, once."""

import base64
import binascii
import fcntl
import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError, IdentityRefusedError, InvalidInputError
from davy.identity.authority import LEAF_DAYS, Authority
from davy.identity.name import Identity

TOKENS = "tokens.json"
PREFIX = "davy1"
NO_TOKEN = f"this is no token of `davy identity token`: {PREFIX}.FINGERPRINT.SECRET is expected"
SECRET_BYTES = 32
TOKEN_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Token:
    """davy1.FINGERPRINT.SECRET: the SHA-256 of the authority's certificate and 32 random bytes, both base64url."""

    fingerprint: bytes
    secret: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token.

        Raises:
            InvalidInputError: text is none.
        """
        try:
            prefix, *parts = text.strip().split(".")
            fingerprint, secret = (base64.b64decode(part + "=", altchars=b"-_", validate=True) for part in parts)
        except (ValueError, binascii.Error) as error:
            raise InvalidInputError(NO_TOKEN) from error
        if prefix != PREFIX or (len(fingerprint), len(secret)) != (32, SECRET_BYTES):
            raise InvalidInputError(NO_TOKEN)
        return cls(fingerprint, secret)

    def __str__(self) -> str:
        return ".".join(
            [PREFIX, *(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (self.fingerprint, self.secret))]
        )

    def __repr__(self) -> str:
        return "Token(***)"

    def digest(self) -> str:
        """What the authority keeps: the secret has 256 random bits, so that no slow hash is needed."""
        return hashlib.sha256(self.secret).hexdigest()


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a token allows, until it expires."""

    digest: str
    identity: str
    names: tuple[str, ...]
    days: float
    expires: float  # s since 1970


def new_token(
    authority: Authority, identity: Identity, names: Sequence[str] = (), days: float = LEAF_DAYS, hours: float = TOKEN_HOURS
) -> Token:
    """Make a token that enrols an identity once, within hours."""
    token = Token(authority.fingerprint, secrets.token_bytes(SECRET_BYTES))
    expires = (datetime.now(UTC) + timedelta(hours=hours)).timestamp()
    with _invitations(authority) as known:
        known.append(Invitation(token.digest(), str(identity), tuple(names), days, expires))
    return token


def enroll(authority: Authority, token: Token, request: bytes) -> bytes:
    """Certify the key of a request for the identity of a token, and use the token up.

    Args:
        authority: The site's authority.
        token: As `new_token` made it.
        request: A certificate signing request, PEM.

    Returns:
        The certificate, PEM.

    Raises:
        IdentityRefusedError: the token is unknown, used or expired.
        InvalidIdentityError: the request is invalid; the token stays valid.
    """
    digest, now = token.digest(), datetime.now(UTC).timestamp()
    with _invitations(authority) as known:
        found = next((each for each in known if secrets.compare_digest(each.digest, digest)), None)
        if found is None or found.expires < now:
            raise IdentityRefusedError("the token", "it is unknown, used or expired: make another with `davy identity token`")
        cert = authority.sign(request, Identity.parse(found.identity), found.names, found.days)
        known.remove(found)
    return cert


def make_request() -> tuple[bytes, bytes]:
    """Make a key on P-256.

    Returns:
        The private key and the certificate signing request, both PEM. The authority chooses the names.
    """
    key = generate_private_key(SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, request.public_bytes(Encoding.PEM)


@contextmanager
def _invitations(authority: Authority) -> Iterator[list[Invitation]]:
    """The tokens in use, for one process at a time; they are kept if the context ends without an error."""
    path = authority.folder / TOKENS
    with (authority.folder / ".tokens.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = _load(path)
        yield known
        now = datetime.now(UTC).timestamp()
        write_atomic(path, json.dumps([asdict(each) for each in known if each.expires > now]).encode())
        path.chmod(0o600)


def _load(path: Path) -> list[Invitation]:
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_bytes()) if path.exists() else []
        return [Invitation(**{**entry, "names": tuple(entry["names"])}) for entry in entries]
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path}: the tokens cannot be read: {error}; delete the file and make new ones") from error
