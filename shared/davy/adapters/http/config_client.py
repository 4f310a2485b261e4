"""Operator client of the aggregator's configuration routes."""

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from davy.access.own_token import authorization
from davy.adapters.tls.contexts import client_context
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorUnavailableError, ChangedMeanwhileError, ConfigError, DavyError, InvalidInputError
from davy.domain.secret_url import refuse_login
from davy.domain.urls import redact

ANSWER_S = 20.0
MAX_ANSWER_BYTES = 64 * 2**20


class ConfigClient:
    """Read and change the desired configurations of edges. Calls block.

    Every method raises AggregatorUnavailableError where there is none, and InvalidInputError in the words of its refusal.

    Args:
        url: http[s]://host:8080.
        tls: The own identity for https; None trusts the system's authorities and shows no certificate.

    Raises:
        ConfigError: url is no such address.
    """

    def __init__(self, url: str, tls: Tls | None = None) -> None:
        try:
            refuse_login(url)
        except ValueError as error:
            raise ConfigError(f"{redact(url)}: {error}") from error
        if urlsplit(url).scheme not in ("http", "https"):
            raise ConfigError(f"{url!r} is not the address of an aggregator's console: http://host:8080 is expected")
        self._url = url.rstrip("/")
        secure = [HTTPSHandler(context=client_context(tls))] if tls is not None else []
        self._opener = build_opener(ProxyHandler({}), *secure)  # no proxy: the aggregator is inside the mine

    def all(self) -> list[dict[str, Any]]:
        """List the desired and reported configurations of all edges."""
        found: list[dict[str, Any]] = self._ask("GET", "/v1/configs")["edges"]
        return found

    def get(self, edge: str) -> dict[str, Any]:
        """Read the desired and reported configuration of one edge."""
        return self._ask("GET", self._path(edge))

    def put(self, edge: str, change: dict[str, Any], expected: str) -> dict[str, Any]:
        """Set the desired configuration of an edge if the current one has the expected id.

        Raises:
            ChangedMeanwhileError: it has not.
        """
        return self._ask("PUT", self._path(edge), change, expected)

    def history(self, edge: str) -> list[dict[str, Any]]:
        """List the configurations of an edge, newest first."""
        found: list[dict[str, Any]] = self._ask("GET", self._path(edge) + "/history")["history"]
        return found

    def roll_back(self, edge: str, to: str, who: str, why: str) -> dict[str, Any]:
        return self._ask("POST", self._path(edge) + "/rollback", {"to": to, "who": who, "why": why})

    def _path(self, edge: str) -> str:
        return f"/v1/edges/{quote(edge, safe='')}/config"

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, expected: str = "") -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = authorization() | {"Content-Type": "application/json"} | ({"If-Match": f'"{expected}"'} if expected else {})
        request = Request(self._url + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=ANSWER_S) as answer:
                return _read(answer.read(MAX_ANSWER_BYTES))
        except HTTPError as error:
            raise self._translate(error, expected) from error
        except (URLError, HTTPException, OSError) as error:
            raise AggregatorUnavailableError(self._url, str(getattr(error, "reason", error))) from error
        except ValueError as error:
            raise AggregatorUnavailableError(self._url, f"its answer is not Davy's: {error}") from error

    def _translate(self, error: HTTPError, expected: str) -> DavyError:
        try:
            detail = str(_read(error.read(MAX_ANSWER_BYTES)).get("detail", error.reason))
        except (ValueError, OSError):
            detail = str(error.reason)
        if error.code == 412:
            return ChangedMeanwhileError("the configuration", expected, "another")
        return InvalidInputError(detail) if error.code < 500 else AggregatorUnavailableError(self._url, detail)


def _read(data: bytes) -> dict[str, Any]:
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("a JSON object is expected")
    return value
