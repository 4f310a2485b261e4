"""Certificates of cameras over rtsps and https: verified, pinned by fingerprint, or not verified."""

import functools
import hashlib
import http.client
import ssl
import tempfile
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from cryptography import x509

from davy.adapters.camera.network import connect
from davy.domain.errors import CameraUnavailableError
from davy.domain.ports import SourceOptions
from davy.domain.source import Source

VERIFY, INSECURE, PIN = "verify", "insecure", "sha256:"
DEFAULT_PORTS = {"rtsps": 322, "https": 443}  # RFC 7826; FFmpeg's own for rtsps is 322 too


def camera_context(tls: str, ca_file: Path | None) -> ssl.SSLContext:
    """Create the TLS context of a connection to a camera. `check_pin` compares a pinned fingerprint after the handshake.

    Args:
        tls: verify, insecure, or sha256: and the certificate's fingerprint.
        ca_file: The site's certificate authorities; None trusts only those of the system.
    """
    context = ssl.create_default_context()
    if tls != VERIFY:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def check_pin(tls: str, connection: ssl.SSLSocket) -> None:
    """Compare a camera's certificate with the pinned fingerprint, if one is set.

    Raises:
        ssl.SSLCertVerificationError: the fingerprint differs; the text contains it.
    """
    if not tls.startswith(PIN):
        return
    fingerprint = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
    if fingerprint != tls.removeprefix(PIN).replace(":", "").lower():
        raise ssl.SSLCertVerificationError(f"its certificate has the fingerprint {PIN}{fingerprint}, not the pinned one")


def pinning(base: type[http.client.HTTPConnection], tls: str) -> type[http.client.HTTPConnection]:
    """A connection class that compares the pinned fingerprint before it sends anything."""

    class Pinned(base):  # type: ignore[misc, valid-type]  # a parameter
        def connect(self) -> None:
            super().connect()
            if isinstance(self.sock, ssl.SSLSocket):
                check_pin(tls, self.sock)

    return Pinned


def ffmpeg_options(source: Source, options: SourceOptions) -> dict[str, str]:
    """FFmpeg's options to verify a camera. Blocks to read the certificate of a pinned camera.

    FFmpeg does not support fingerprints: Davy compares the certificate first, and FFmpeg trusts only this certificate.

    Raises:
        CameraUnavailableError: the certificate is not the pinned one, or the camera does not respond.
        InvalidSourceError: the policy does not allow the camera's address.
    """
    if source.scheme not in DEFAULT_PORTS:
        return {}
    if options.tls == VERIFY:
        return {"tls_verify": "1", "ca_file": _authorities(options.ca_file), "verifyhost": source.host}
    if not options.tls.startswith(PIN):
        return {"tls_verify": "0"}
    try:
        der = _certificate(source, options)
    except OSError as error:
        raise CameraUnavailableError(source.text, reason_of(error)) from error
    name = _name_in(der)
    # FFmpeg cannot verify a certificate without a name; the fingerprint was compared above.
    return (
        {"tls_verify": "1", "ca_file": _file(ssl.DER_cert_to_PEM_cert(der)), "verifyhost": name}
        if name
        else {"tls_verify": "0"}
    )


def explain(source: Source, options: SourceOptions) -> None:
    """Raise a clear error if a certificate is the reason for a failure; FFmpeg reports only "Input/output error".

    Raises:
        CameraUnavailableError: the certificate is rejected.
    """
    if source.scheme not in DEFAULT_PORTS or options.tls != VERIFY:
        return
    try:
        _certificate(source, options)
    except ssl.SSLCertVerificationError as error:
        raise CameraUnavailableError(source.text, reason_of(error)) from error
    except OSError:
        return


def reason_of(error: OSError) -> str:
    """Describe an error, with a remedy for a rejected certificate."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = getattr(error, "verify_message", "") or str(error.args[-1])
        return (
            f"its certificate is refused: {reason}; set tls of the camera: the site's authority, sha256:FINGERPRINT or insecure"
        )
    return error.strerror or str(error) or "no answer"


def _certificate(source: Source, options: SourceOptions) -> bytes:
    port = urlsplit(source.text).port or DEFAULT_PORTS[source.scheme]
    context = camera_context(options.tls, options.ca_file)
    with (
        connect(source.host, port, options.timeout_s, options.policy) as pipe,
        context.wrap_socket(pipe, server_hostname=source.host) as secured,
    ):
        check_pin(options.tls, secured)
        return secured.getpeercert(binary_form=True) or b""


def _name_in(der: bytes) -> str:
    """A host name of the certificate; empty if it has none."""
    certificate = x509.load_der_x509_certificate(der)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    except x509.ExtensionNotFound:
        hosts = [str(each.value) for each in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    return hosts[0].replace("*", "camera") if hosts else ""


def _authorities(ca_file: Path | None) -> str:
    """Write the authorities of the system and the site to one file for FFmpeg."""
    paths = ssl.get_default_verify_paths()
    texts = [Path(each).read_text() for each in (paths.cafile, ca_file) if each is not None and Path(each).is_file()]
    return _file("\n".join(texts))


@functools.lru_cache(maxsize=64)
def _cached_file(text: str) -> IO[str]:
    file = tempfile.NamedTemporaryFile("w", prefix="davy-ca-", suffix=".pem")  # noqa: SIM115  # closed when it leaves the cache
    file.write(text)
    file.flush()
    return file


def _file(text: str) -> str:
    return _cached_file(text).name
