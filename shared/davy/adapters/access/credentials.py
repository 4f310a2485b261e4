"""What a caller presents, and who can say whom it belongs to."""

from dataclasses import dataclass, field
from typing import Protocol

from davy.access.external import ExternalPerson
from davy.access.principal import OWNER, Principal

SESSION_COOKIE = "davy-session"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request carries.

    Attributes:
        session: Secret of a browser's session, from its cookie.
        token: An API token, from an Authorization header.
        identity: URI of the certificate by which the caller's TLS connection is authenticated; empty for none.
        address: The caller's network address, for the journal.
        person: Whom a trusted proxy names as the caller; None for nobody.
        link: Token of a signed link, from the URL.
        path: The path that is asked for.
    """

    session: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    identity: str = ""
    address: str = ""
    person: ExternalPerson | None = None
    link: str = field(default="", repr=False)
    path: str = ""


class Authenticator(Protocol):
    """Names the principal of a request."""

    async def identify(self, credentials: Credentials) -> Principal | None:
        """Return the principal; None if the credentials are absent, unknown or expired.

        Raises:
            UnavailableError: The principal cannot be looked up at the moment.
        """
        ...


class OpenDoor:
    """The authenticator of an open service: every caller is its owner."""

    async def identify(self, credentials: Credentials) -> Principal | None:  # noqa: ARG002  # the protocol's
        """Return the owner."""
        return OWNER


def bearer(header: str) -> str:
    """Return the token of an Authorization header "Bearer TOKEN" (RFC 6750); empty if it has another form."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
