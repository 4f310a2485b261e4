"""URLs that may hold a password: the type of every address of a broker, cache, database, registry, aggregator and camera."""

from typing import Annotated, NoReturn, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Secret

from davy.domain.urls import redact


class SecretUrl(Secret[str]):
    """A URL that shows itself without user, password, query and secrets of the path, however it is written out.

    `str`, `repr`, `format`, JSON and a model's dump are redacted. It cannot be pickled. Only adapters call `get_secret_value`,
    and `davy.edge_config.to_plain`, which writes the configuration that an edge receives.
    """

    @classmethod
    def of(cls, url: "str | SecretUrl") -> Self:
        """The URL as a secret."""
        return cls(url.get_secret_value() if isinstance(url, SecretUrl) else url)

    @property
    def scheme(self) -> str:
        """What stands before `://`, in lower case; empty for a plain path or an empty text."""
        scheme, mark, _ = self._secret_value.partition("://")
        return scheme.lower() if mark else ""

    def __bool__(self) -> bool:
        return bool(self._secret_value)

    def _display(self) -> str:
        return redact(self._secret_value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: pass it through a pipe, or name the file that holds it")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self


def refuse_login(url: str) -> str:
    """Return a URL that holds neither login nor query.

    Raises:
        ValueError: it has one. The text does not show it.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError("this is no URL") from error
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("this address has no user, password or query: DAVY_TOKEN_FILE names the file of a token")
    return url


PlainUrl = Annotated[str, AfterValidator(refuse_login)]
"""The HTTP address of a service of Davy. It may be shown, because it cannot hold a secret."""
