"""Secrets of settings that come from a value or from a file, such as a container's secret."""

from pathlib import Path

from pydantic import SecretStr

from davy.domain.errors import ConfigError


def read_secret(value: SecretStr | None, path: Path | None, what: str) -> str:
    """Return a secret; empty if there is none.

    Args:
        value: The secret itself; it wins.
        path: File that holds it; a line break at its end does not count.
        what: The secret's name, for the error's text.

    Raises:
        ConfigError: The file cannot be read, or is empty.
    """
    if (given := value.get_secret_value() if value is not None else "") or path is None:
        return given
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file of {what}, {path}, cannot be read: {error}") from error
    if not text:
        raise ConfigError(f"the file of {what}, {path}, is empty")
    return text
