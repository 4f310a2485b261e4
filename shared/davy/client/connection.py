"""One service over HTTP: the address, the identity, and errors in the service's words."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from davy.access.own_token import own_token
from davy.adapters.http.refusals import error_of
from davy.domain.errors import ConfigError, DavyError, UnavailableError
from davy.domain.secret_url import refuse_login
from davy.streams.reconnect import Backoff

Answer = TypeVar("Answer", bound=BaseModel)

TIMEOUT_S: Final = 20.0
STREAM_SILENCE_S: Final = 30.0  # event streams ping every 15 s, live streams end after 10 s without a frame
RECONNECT: Final = Backoff(shortest_s=0.2, longest_s=5.0)


class Connection:
    """Sends requests to one service. No proxy and no redirect: the service is inside the mine.

    Args:
        service: What it is, for error texts.
        url: http[s]://host:port.
        token: None reads the process's own token before each request.
        context: Whom to trust, and the certificate to show, for https.

    Raises:
        ConfigError: url is no such address.
    """

    def __init__(self, service: str, url: str, token: SecretStr | None, context: ssl.SSLContext) -> None:
        try:
            self.url = refuse_login(url).rstrip("/")
        except ValueError as error:
            raise ConfigError(f"the address of the {service}: {error}") from error
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ConfigError(f"{url!r} is not the address of an {service}: https://host:port is expected")
        self.service, self.context, self._token = service, context, token
        self._http = httpx.AsyncClient(
            base_url=self.url, verify=context, timeout=TIMEOUT_S, trust_env=False, follow_redirects=False
        )

    def headers(self) -> dict[str, str]:
        """The Authorization header; empty without a token."""
        token = (own_token() if self._token is None else self._token).get_secret_value()
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401  # httpx's own
        """Send a request and return its successful answer."""
        headers = self.headers() | options.pop("headers", {})
        try:
            answer = await self._http.request(method, path, headers=headers, **options)
        except httpx.HTTPError as error:
            raise self.unavailable(error) from error
        self._check(answer)
        return answer

    async def ask(self, kind: type[Answer], method: str, path: str, **options: Any) -> Answer:  # noqa: ANN401
        """Send a request and return its JSON answer as a message."""
        return self.parse(kind, (await self.send(method, path, **options)).content)

    @asynccontextmanager
    async def stream(self, path: str, **options: Any) -> AsyncIterator[httpx.Response]:  # noqa: ANN401  # httpx's own
        """Open a GET whose answer comes in parts, as long as the context lasts."""
        headers = self.headers() | options.pop("headers", {})
        timeout = httpx.Timeout(TIMEOUT_S, read=STREAM_SILENCE_S)
        try:
            async with self._http.stream("GET", path, headers=headers, timeout=timeout, **options) as answer:
                if not answer.is_success:
                    await answer.aread()
                self._check(answer)
                yield answer
        except httpx.HTTPError as error:
            raise self.unavailable(error) from error

    def parse(self, kind: type[Answer], data: bytes | str) -> Answer:
        """Return a message of the service."""
        try:
            return kind.model_validate_json(data)
        except ValidationError as error:
            raise UnavailableError(f"the {self.service} at {self.url} answers something else than a {kind.__name__}") from error

    def unavailable(self, error: Exception) -> UnavailableError:
        """The error that stands for a broken connection."""
        return UnavailableError(f"no {self.service} at {self.url}: {str(error) or type(error).__name__}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _check(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        raise self.error(answer.status_code, _detail(answer))

    def error(self, status: int, detail: str) -> DavyError:
        """The error that an answer stands for."""
        return error_of(status, detail, lambda text: UnavailableError(f"the {self.service} at {self.url}: {text}"))


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
