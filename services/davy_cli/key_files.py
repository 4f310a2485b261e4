"""Private keys in files, and the passphrases that encrypt them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from davy.domain.errors import ConfigError
from davy.models import SigningKey
from davy.models.keyring import passphrase

PassphraseFile = Annotated[Path | None, typer.Option(help="File whose first line is the passphrase of the private key.")]


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
