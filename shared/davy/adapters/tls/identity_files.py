"""A program's identity on every wire, read again when its files change."""

import functools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography import x509
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from davy.adapters.tls.settings import TlsSettings
from davy.domain.errors import ConfigError, DavyError, IdentityRefusedError, InvalidIdentityError
from davy.identity.credentials import CredentialFiles
from davy.identity.name import Identity
from davy.identity.peers import check_peer, revoked_serials
from davy.streams.guard import Guard
from davy.telemetry import get_logger

log = get_logger(__name__)

LOOK_EVERY_S = 1.0


class Tls:
    """The current credentials. Any thread may use it.

    `version` grows with every change of the files; `error` says why changed files are not taken, and is empty otherwise.
    `identity` is the own name; a certificate without one still encrypts.

    Args:
        files: Where the identity is.
        settings: Versions and demands.

    Raises:
        ConfigError: a file is missing or invalid.
    """

    def __init__(self, files: CredentialFiles, settings: TlsSettings) -> None:
        self.files, self.settings = files, settings
        self.version, self.error = 1, ""
        self._lock, self._looked_s = threading.Lock(), time.monotonic()
        self._stamp = files.stamp()
        self._read()
        self.refused: Counter | None = None
        self._guard = Guard("tls", self._count)

    @classmethod
    def of(cls, settings: TlsSettings) -> "Tls | None":
        """Open the identity of the settings, or return None where none is set.

        Raises:
            ConfigError: as of the class.
        """
        files = settings.files()
        return cls(files, settings) if files is not None else None

    def look(self, every_s: float = LOOK_EVERY_S) -> int:
        """Read the files again if they changed and the last look is every_s ago. Returns the version."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= every_s:
            with self._lock:
                self._looked_s = now_s
                self._reload()
        return self.version

    def check(self, certificate: x509.Certificate) -> Identity:
        """Read the identity of a verified peer, by the newest list of revocations.

        Raises:
            IdentityRefusedError: it is revoked, expired or of another site.
            InvalidIdentityError: its certificate carries no identity.
        """
        self.look()
        peer = check_peer(certificate, self.revoked)
        if self.identity is not None and peer.site != self.identity.site:
            raise IdentityRefusedError(str(peer), f"this is site {self.identity.site}")
        return peer

    def refuse(self, error: Exception, **facts: object) -> None:
        """Count and log a refused peer, at a bounded rate."""
        self._guard.refuse(error, **facts)

    def install_metrics(self, registry: CollectorRegistry) -> None:
        """Add the expiry and the refused peers to a registry."""
        registry.register(ExpiryCollector(self))
        self.refused = refused_counter(registry)

    def _count(self, error: Exception) -> None:
        if self.refused is not None:
            self.refused.labels(reason_of(error)).inc()

    def _reload(self) -> None:
        stamp = self.files.stamp()
        if stamp == self._stamp:
            return
        try:
            self._read()
        except DavyError as error:
            if self.error != str(error):
                log.error("tls.reload_failed", reason=str(error), kept=f"{self.certificate.serial_number:x}")
            self.error = str(error)
            return
        self._stamp, self.error = stamp, ""
        self.version += 1
        certificate = self.certificate
        log.info(
            "tls.reloaded",
            serial=f"{certificate.serial_number:x}",
            expires=f"{certificate.not_valid_after_utc:%F %T}",
            revoked=len(self.revoked),
        )

    def _read(self) -> None:
        found = self.files.read()
        self.revoked = revoked_serials(found.crl, found.ca)
        self.credentials, self.certificate = found, found.certificate
        self.identity = _identity_of(self.certificate)


def _identity_of(certificate: x509.Certificate) -> Identity | None:
    try:
        return Identity.of_certificate(certificate)
    except InvalidIdentityError:
        return None


def reason_of(error: Exception) -> str:
    """A short name of the reason, for a metric's label."""
    text = str(error)
    known = {"revoked": "revoked", "expired": "expired", "self-signed": "self_signed", "self signed": "self_signed"}
    known |= {"issuer certificate": "foreign", "PEER_DID_NOT_RETURN": "no_certificate", "this is site": "other_site"}
    return next((reason for word, reason in known.items() if word in text), "other")


@functools.lru_cache(maxsize=1024)
def parse_certificate(pem: bytes) -> x509.Certificate:
    """Parse a peer's certificate; a peer comes again and again.

    Raises:
        ConfigError: it is none.
    """
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise ConfigError(f"the peer's certificate cannot be read: {error}") from error


def refused_counter(registry: CollectorRegistry) -> Counter:
    """Make the counter of refused peers."""
    return Counter("davy_tls_refused", "Peers refused, by reason.", ["reason"], registry=registry)


class ExpiryCollector(Collector):
    """Reads the end of the certificate's validity at scrape time."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls

    def collect(self) -> Iterator[Metric]:
        """Return the one gauge."""
        self._tls.look()
        ends = GaugeMetricFamily(
            "davy_certificate_expiry_timestamp_seconds",
            "End of the certificate's validity, in seconds since 1970.",
            labels=["identity"],
        )
        ends.add_metric([str(self._tls.identity or "")], self._tls.certificate.not_valid_after_utc.timestamp())
        yield ends


def expires_in(certificate: x509.Certificate) -> str:
    """Say when a certificate ends, for people."""
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    return f"in {left.days} days" if left.days >= 2 else f"in {max(0, round(left.total_seconds() / 3600))} h"
