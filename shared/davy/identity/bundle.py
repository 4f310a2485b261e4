"""One file with everything that a machine needs: a tar archive of cert.pem, key.pem, ca.pem and crl.pem."""

import io
import os
import tarfile
from pathlib import Path

from davy.domain.errors import ConfigError
from davy.identity.credentials import CA, CERT, CRL, KEY, Credentials

MAX_BYTES = 2**20  # of each file


def write_bundle(path: Path, credentials: Credentials) -> None:
    """Write a bundle, readable by this user only. It holds the private key.

    Raises:
        ConfigError: the file exists already, or cannot be written.
    """
    texts = {CERT: credentials.cert, KEY: credentials.key, CA: credentials.ca, CRL: credentials.crl}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
            tarfile.open(fileobj=file, mode="w") as archive,
        ):
            for name, text in texts.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(text), 0o600
                archive.addfile(entry, io.BytesIO(text))
    except OSError as error:
        raise ConfigError(f"{path}: the bundle cannot be written: {error.strerror}") from error


def read_bundle(path: Path) -> Credentials:
    """Read a bundle; nothing is unpacked.

    Raises:
        ConfigError: it is none.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            texts = [_text(archive, name) for name in (CERT, KEY, CA, CRL)]
        found = Credentials(*texts)
        found.check()
    except OSError as error:
        raise ConfigError(f"{path}: the bundle cannot be read: {error.strerror or error}") from error
    except (tarfile.TarError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path} is no bundle of `davy identity issue --bundle`: {error}") from error
    return found


def _text(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(archive.getmember(name))
    if file is None:
        raise ValueError(f"{name} is no file")
    return file.read(MAX_BYTES)
