"""Client of the aggregator's identity routes: enrol with a token, renew with the own certificate. Calls block."""

import json
import ssl
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from davy.adapters.tls.contexts import client_context
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import (
    AggregatorUnavailableError,
    ConfigError,
    DavyError,
    IdentityRefusedError,
    InvalidInputError,
    PermissionDeniedError,
)
from davy.identity.credentials import Credentials
from davy.identity.enrolment import Token, make_request

ANSWER_S = 20.0
MAX_ANSWER_BYTES = 2**20
PREFIX = "/v1/identities"


class IdentityClient:
    """Every method raises AggregatorUnavailableError where there is none, and IdentityRefusedError for its refusal.

    Args:
        url: https://host:8080.
        context: Whom to trust, and the certificate to show.

    Raises:
        ConfigError: url is no such address.
    """

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ConfigError(f"{url!r} is not the address of an aggregator with TLS: https://host:8080 is expected")
        self._url = url.rstrip("/")
        self._opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))

    def authority(self) -> bytes:
        """Read the site's authority, PEM. Trust it only by its fingerprint."""
        return self._read("/ca")

    def revocations(self) -> bytes:
        """Read the list of revoked certificates, PEM."""
        return self._read("/crl")

    def enroll(self, token: Token) -> Credentials:
        """Make a key, and have it certified for the token's identity."""
        key, request = make_request()
        return self._certify("/enroll", key, {"token": str(token), "request": request.decode()})

    def renew(self) -> Credentials:
        """Make a key, and have it certified for the identity of the certificate that this client shows."""
        key, request = make_request()
        return self._certify("/renew", key, {"request": request.decode()})

    def _certify(self, path: str, key: bytes, body: dict[str, str]) -> Credentials:
        try:
            answer: dict[str, Any] = json.loads(self._read(path, json.dumps(body).encode()))
            texts = (answer["certificate"].encode(), key, answer["authority"].encode(), answer["revoked"].encode())
            found = Credentials(*texts)
            found.check()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AggregatorUnavailableError(self._url, f"its answer is no certificate: {error}") from error
        return found

    def _read(self, path: str, body: bytes | None = None) -> bytes:
        request = Request(self._url + PREFIX + path, body, {"Content-Type": "application/json"} if body else {})
        try:
            with self._opener.open(request, timeout=ANSWER_S) as answer:
                data: bytes = answer.read(MAX_ANSWER_BYTES)
                return data
        except HTTPError as error:
            raise self._translate(error) from error
        except (URLError, HTTPException, OSError) as error:
            raise AggregatorUnavailableError(self._url, str(getattr(error, "reason", error))) from error

    def _translate(self, error: HTTPError) -> DavyError:
        try:
            detail = str(json.loads(error.read(MAX_ANSWER_BYTES))["detail"])
        except (ValueError, KeyError, TypeError, OSError):
            detail = str(error.reason)
        if error.code == 401:
            who, _, reason = detail.partition(" is refused: ")
            return IdentityRefusedError(who if reason else "this program", reason or detail)
        if error.code == 403:
            return PermissionDeniedError("this program", f"do this: {detail}")
        return InvalidInputError(detail) if error.code < 500 else AggregatorUnavailableError(self._url, detail)


def enroll(url: str, token: Token) -> Credentials:
    """Enrol at an aggregator that is known by nothing but the fingerprint in the token.

    The first connection reads the authority's certificate and sends nothing; its SHA-256 must be the token's. The second one
    trusts that authority alone, and carries the token.

    Raises:
        IdentityRefusedError: the authority has another fingerprint, or the token is refused.
        AggregatorUnavailableError: it does not answer.
        ConfigError: url is no https address.
    """
    ca = pinned_authority(url, token.fingerprint)
    return IdentityClient(url, ssl.create_default_context(cadata=ca.decode())).enroll(token)


def pinned_authority(url: str, fingerprint: bytes) -> bytes:
    """Read an aggregator's authority, PEM, if its SHA-256 is the fingerprint; also raises what `enroll` raises."""
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    ca = IdentityClient(url, unverified).authority()
    try:
        found = x509.load_pem_x509_certificate(ca).fingerprint(SHA256())
    except ValueError as error:
        raise AggregatorUnavailableError(url, f"its authority cannot be read: {error}") from error
    if found != fingerprint:
        raise IdentityRefusedError(url, f"its authority has the fingerprint {found.hex()}, the token's is {fingerprint.hex()}")
    return ca


def renewer_of(tls: Tls) -> IdentityClient | None:
    """A client of the settings' renew_url that shows the own certificate; None where no address is set.

    Raises:
        ConfigError: renew_url is no https address.
    """
    if not tls.settings.renew_url:
        return None
    return IdentityClient(tls.settings.renew_url, client_context(tls))
