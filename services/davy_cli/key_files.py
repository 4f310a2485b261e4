"""Private keys in files and in PKCS#11 modules, and what unlocks them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from davy.adapters.pkcs11_key import FORM, SCHEME, KeyUri, open_key
from davy.domain.errors import ConfigError
from davy.models import Signer, SigningKey
from davy.models.keyring import passphrase

PassphraseFile = Annotated[
    Path | None, typer.Option(help="File whose first line is the passphrase of the private key, or the PIN of its token.")
]
KEY_HELP = f"Private key: a file of `davy keys new`, or {FORM}."


@contextmanager
def opened_key(name: str, passphrase_file: Path | None) -> Iterator[Signer]:
    """Open a private key, of a file or of a PKCS#11 module, to sign with it.

    Raises:
        ConfigError: there is no key, or the passphrase or PIN is wrong.
        MissingExtraError: the package for PKCS#11 is not installed.
    """
    if not name.startswith(SCHEME):
        yield load_key(Path(name), passphrase_file)
        return
    uri = KeyUri.parse(name)
    if passphrase_file is not None:
        pin = read_passphrase(passphrase_file)
    else:
        pin = ask_passphrase(f"PIN of {uri.token}", confirm=False)
    with open_key(uri, pin.decode()) as key:
        yield key


def load_key(path: Path, passphrase_file: Path | None) -> SigningKey:
    """Read a private key; a missing passphrase is asked for, or read as one line of standard input.

    Raises:
        ConfigError: the file holds no key, or the passphrase is wrong.
    """
    phrase = read_passphrase(passphrase_file) if passphrase_file is not None else passphrase()
    if phrase is None and SigningKey.is_encrypted(path):
        phrase = ask_passphrase(f"passphrase of {path}", confirm=False)
    return SigningKey.load(path, phrase)


def read_passphrase(path: Path) -> bytes:
    """Read the first line of a file.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    try:
        line = path.read_bytes().partition(b"\n")[0].rstrip(b"\r")
    except OSError as error:
        raise ConfigError(f"{path}: the passphrase cannot be read: {error.strerror}") from error
    if not line:
        raise ConfigError(f"{path}: the first line is empty; it is the passphrase of the private key")
    return line


def ask_passphrase(text: str, confirm: bool) -> bytes:
    """Ask for a passphrase on the terminal, or read one line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(text, hide_input=True, confirmation_prompt=confirm)).encode()
    return sys.stdin.readline().rstrip("\r\n").encode()
