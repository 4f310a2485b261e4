"""Renews an identity under a third of its life, keeps its list of revocations new, and reports what fails."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from cryptography import x509

from davy.adapters.tls.identity_files import Tls, expires_in
from davy.domain.errors import DavyError
from davy.domain.severity import Severity
from davy.identity.authority import Authority
from davy.identity.credentials import Credentials, renewal_due, write_credentials
from davy.identity.peers import revoked_serials
from davy.telemetry import get_logger

log = get_logger(__name__)

EVERY_S, MIN_EVERY_S = 60.0, 0.5
LOOKS_PER_LIFE = 30

Report = Callable[[str, str, Severity], Awaitable[None]]
"""Records an event: kind, message, severity."""


async def log_event(kind: str, message: str, severity: Severity) -> None:
    """Record an event in the log alone: a Report of a program without an archive."""
    log.log({Severity.INFO: 20, Severity.WARNING: 30, Severity.ALARM: 40}[severity], f"identity.{kind}", message=message)


class Renewer(Protocol):
    """Where an identity is renewed. Calls block."""

    def renew(self) -> Credentials:
        """Return the same identity with a new key. Raises DavyError."""
        ...

    def revocations(self) -> bytes:
        """Return the newest list of revoked certificates, PEM. Raises DavyError."""
        ...


class LocalRenewer:
    """Renews at an authority on this machine."""

    def __init__(self, authority: Authority, tls: Tls) -> None:
        self._authority, self._tls = authority, tls

    def renew(self) -> Credentials:
        """Return the same identity with a new key."""
        certificate = self._tls.certificate
        known = self._authority.read().find(certificate.serial_number)
        identity = self._tls.credentials.identity
        return self._authority.issue(identity, known.names, known.days) if known else self._authority.issue(identity)

    def revocations(self) -> bytes:
        """Return the authority's list."""
        return self._authority.crl


async def watch_identity(tls: Tls, report: Report, renewer: Renewer | None, every_s: float = EVERY_S) -> None:
    """Watch until cancelled.

    Args:
        tls: The identity.
        report: Records an event.
        renewer: Where to renew; None only warns of the end.
        every_s: Seconds between two looks, at most; a certificate of minutes is looked at more often.
    """
    watch = _Watch(tls, report, renewer)
    while True:
        await watch.look()
        await asyncio.sleep(min(every_s, max(MIN_EVERY_S, _life_s(tls.certificate) / LOOKS_PER_LIFE)))


class _Watch:
    def __init__(self, tls: Tls, report: Report, renewer: Renewer | None) -> None:
        self._tls, self._report, self._renewer = tls, report, renewer
        self._warned: set[tuple[int, str]] = set()  # once per certificate and kind

    async def look(self) -> None:
        self._tls.look(0)
        if self._renewer is not None and self._tls.settings.folder is not None:
            await self._renew_if_due(self._renewer)
            await self._take_revocations(self._renewer)
        certificate = self._tls.certificate
        if renewal_due(certificate):
            await self._warn(certificate)

    async def _renew_if_due(self, renewer: Renewer) -> None:
        if not renewal_due(self._tls.certificate):
            return
        try:
            made = await asyncio.to_thread(renewer.renew)
            await asyncio.to_thread(self._write, made)
        except (DavyError, OSError, ssl.SSLError) as error:
            log.warning("identity.renewal_failed", reason=str(error))
            return
        await self._report("certificate-renewed", f"{made.identity} has a certificate that ends {_date(made)}", Severity.INFO)

    async def _take_revocations(self, renewer: Renewer) -> None:
        try:
            crl = await asyncio.to_thread(renewer.revocations)
            now = self._tls.credentials
            if _is_newer(crl, now.crl) and revoked_serials(crl, now.ca) is not None:
                await asyncio.to_thread(self._write, replace(now, crl=crl))
        except (DavyError, OSError, ValueError, ssl.SSLError) as error:
            log.debug("identity.no_revocations", reason=str(error))

    def _write(self, credentials: Credentials) -> None:
        assert self._tls.settings.folder is not None
        write_credentials(self._tls.settings.folder, credentials)
        self._tls.look(0)

    async def _warn(self, certificate: x509.Certificate) -> None:
        expired = datetime.now(UTC) > certificate.not_valid_after_utc
        kind = "certificate-expired" if expired else "certificate-expiring"
        if (certificate.serial_number, kind) in self._warned:
            return
        self._warned.add((certificate.serial_number, kind))
        ends = f"ended {certificate.not_valid_after_utc:%F %T} UTC" if expired else f"ends {expires_in(certificate)}"
        name = self._tls.identity or certificate.subject.rfc4514_string()
        advice = "renew it with `davy identity rotate`"
        await self._report(kind, f"the certificate of {name} {ends}: {advice}", Severity.ALARM if expired else Severity.WARNING)


def _life_s(certificate: x509.Certificate) -> float:
    return (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds()


def _is_newer(crl: bytes, known: bytes) -> bool:
    if not known:
        return True
    return x509.load_pem_x509_crl(crl).last_update_utc > x509.load_pem_x509_crl(known).last_update_utc


def _date(credentials: Credentials) -> str:
    return f"{credentials.certificate.not_valid_after_utc:%F %T} UTC"
