"""Calls to an OpenID Connect provider: to its own host alone, bounded in time and size, without redirects."""

import asyncio
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from davy.domain.errors import ConfigError, IdentityProviderUnavailableError

ANSWER_S = 5.0
MAX_BYTES = 1_000_000


class ProviderHttp:
    """Asks the host of one issuer.

    Args:
        issuer: URL of the provider.
        ca: File of the authorities that sign its certificate; None trusts the system's.

    Raises:
        ConfigError: The file cannot be read.
    """

    def __init__(self, issuer: str, ca: Path | None) -> None:
        self._issuer = issuer
        try:
            self._verify = ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"the provider's authorities {ca} cannot be read: {error}") from error

    async def ask(
        self, method: str, url: str, data: dict[str, str] | None = None, auth: httpx.Auth | None = None, token: str = ""
    ) -> tuple[int, Any]:
        """Return the status and the JSON of an answer.

        Args:
            method: GET or POST.
            url: On the issuer's host.
            data: Fields of a form.
            auth: Authentication of the client.
            token: Access token.

        Raises:
            IdentityProviderUnavailableError: It does not answer in time with JSON, or the URL leads to another host.
        """
        if _origin(url) != _origin(self._issuer):
            raise IdentityProviderUnavailableError(self._issuer, f"it names an address on another host: {url[:200]}")
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                httpx.AsyncClient(trust_env=False, timeout=ANSWER_S, verify=self._verify) as client,
                client.stream(method, url, data=data, auth=auth, headers=headers) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise ValueError(f"its answer has over {MAX_BYTES} bytes")
                answer = httpx.Response(response.status_code, content=bytes(body)).json()
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            reason = str(error) or f"no answer within {ANSWER_S:g} s"
            raise IdentityProviderUnavailableError(self._issuer, reason) from error
        return response.status_code, answer


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", url, None
