"""Secrets in files: what `<VARIABLE>_FILE` names, such as a secret of compose, and the credentials of a systemd unit."""

from collections.abc import Mapping
from pathlib import Path

from davy.domain.errors import ConfigError

FILE_SUFFIX = "_FILE"
CREDENTIALS = "CREDENTIALS_DIRECTORY"  # systemd sets it where a unit has LoadCredential=davy-broker:PATH


def read_secret(variable: str, environ: Mapping[str, str]) -> str:
    """Return the secret of an environment variable.

    It is the variable's own text, else that of the file that `<VARIABLE>_FILE` names, else that of the systemd credential with
    the variable's name in lower case and hyphens, such as davy-broker. White space around it goes.

    Returns:
        The secret; empty if there is none.

    Raises:
        ConfigError: the file cannot be read.
    """
    if text := environ.get(variable, "").strip():
        return text
    path = _file_of(variable, environ)
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(f"{variable}{FILE_SUFFIX}: {path} cannot be read: {reason}") from error


def _file_of(variable: str, environ: Mapping[str, str]) -> Path | None:
    if named := environ.get(variable + FILE_SUFFIX, ""):
        return Path(named)
    folder = environ.get(CREDENTIALS, "")
    credential = Path(folder, variable.lower().replace("_", "-"))
    return credential if folder and credential.is_file() else None
