"""Operator client of the aggregator's HTTP interface."""

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from davy.access.own_token import authorization
from davy.adapters.http.refusals import error_of
from davy.adapters.tls.contexts import client_context
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorUnavailableError, ConfigError, DavyError
from davy.domain.secret_url import SecretUrl, refuse_login

ANSWER_S = 20.0
MAX_ANSWER_BYTES = 64 * 2**20
JSON = "application/json"


class ConsoleClient:
    """Sends requests with this process's token and identity. Calls block.

    Every method raises AggregatorUnavailableError where there is none, and RefusedError or InvalidInputError in its words.

    Args:
        url: http[s]://host:8080.
        tls: The own identity for https; None trusts the system's authorities and shows no certificate.

    Raises:
        ConfigError: url is no such address.
    """

    def __init__(self, url: SecretUrl | str, tls: Tls | None = None) -> None:
        try:
            url = refuse_login(SecretUrl.of(url).get_secret_value())
        except ValueError as error:
            raise ConfigError(f"{SecretUrl.of(url)}: {error}") from error
        if urlsplit(url).scheme not in ("http", "https"):
            raise ConfigError(f"{url!r} is not the address of an aggregator's console: http://host:8080 is expected")
        self._url = url.rstrip("/")
        secure = [HTTPSHandler(context=client_context(tls))] if tls is not None else []
        self._opener = build_opener(ProxyHandler({}), *secure)  # no proxy: the aggregator is inside the mine

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """Send JSON and return the JSON object of the answer."""
        data = None if body is None else json.dumps(body).encode()
        return self.parse(self.send(method, path, data, JSON, **headers))

    def send(self, method: str, path: str, data: bytes | None = None, content_type: str = JSON, **headers: str) -> bytes:
        """Send a body and return that of the answer."""
        sent = authorization() | {"Content-Type": content_type} | headers
        request = Request(self._url + path, data, sent, method=method)
        try:
            with self._opener.open(request, timeout=ANSWER_S) as answer:
                return bytes(answer.read(MAX_ANSWER_BYTES))
        except HTTPError as error:
            raise self.translate(error) from error
        except (URLError, HTTPException, OSError) as error:
            raise AggregatorUnavailableError(self._url, str(getattr(error, "reason", error))) from error

    def parse(self, data: bytes) -> dict[str, Any]:
        """Return the JSON object of an answer."""
        try:
            return _object(data)
        except ValueError as error:
            raise AggregatorUnavailableError(self._url, f"its answer is not Davy's: {error}") from error

    def translate(self, error: HTTPError) -> DavyError:
        """Return the error that an answer stands for."""
        try:
            detail = str(_object(error.read(MAX_ANSWER_BYTES)).get("detail", error.reason))
        except (ValueError, OSError):
            detail = str(error.reason)
        return error_of(error.code, detail, lambda text: AggregatorUnavailableError(self._url, text))


def _object(data: bytes) -> dict[str, Any]:
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("a JSON object is expected")
    return value
