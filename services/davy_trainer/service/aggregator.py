"""A client of the aggregator's REST API, for samples, drift and the running model."""

import re
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Self, TypeVar

import httpx

from davy.access.own_token import authorization
from davy.adapters.tls import Tls, client_context
from davy.domain.errors import AggregatorUnavailableError
from davy.streams.reconnect import Backoff, retry
from davy.telemetry import get_logger
from davy_trainer.service.settings import TrainerSettings

log = get_logger(__name__)
T = TypeVar("T")
Sample = dict[str, Any]  # as in the response of GET /v1/samples

PAGE = 200
CAMERA = r"[a-z0-9-]{1,64}\.[a-z0-9-]{1,64}"
TIMEOUT_S = 20.0
MAX_BACKOFF_S = 5.0  # between two attempts
FOLDERS = {"train": "train", "validation": "validation"}  # by the use of a sample; excluded samples have none


class AggregatorClient:
    """Every method raises AggregatorUnavailableError if the aggregator does not respond, or with invalid content."""

    def __init__(self, url: str, tls: Tls | None = None) -> None:
        self._url, self._verify = url.rstrip("/"), client_context(tls) if tls is not None else _trusted()

    @classmethod
    def of(cls, settings: TrainerSettings) -> Self:
        """The aggregator of the settings, with the trainer's identity."""
        return cls(settings.aggregator, Tls.of(settings.tls))

    async def drift(self) -> list[dict[str, Any]]:
        """Return camera, score and reasons of every camera with a score."""
        with self._translate_errors():
            cameras = (await self._json("/v1/drift"))["cameras"]
            known = [each for each in cameras if each["score"] is not None]
            return [{"camera": str(e["camera"]), "score": float(e["score"]), "reasons": _floats(e["reasons"])} for e in known]

    async def running_model(self) -> str:
        """Return the id of the model that most edges report; empty for the installed one."""
        with self._translate_errors():
            edges = (await self._json("/v1/fleet"))["edges"]
            counts = Counter(str(edge["reported"]["model"]) for edge in edges if edge["kind"] != "analysis")
        return counts.most_common(1)[0][0] if counts else ""

    async def running_detector(self) -> str:
        """Return the id of the detector that the analysis reports; empty for the installed one."""
        with self._translate_errors():
            edges = (await self._json("/v1/fleet"))["edges"]
            return next((str(edge["reported"]["model"]) for edge in edges if edge["kind"] == "analysis"), "")

    async def samples(self, limit: int) -> list[Sample]:
        """Return the newest samples that are not excluded, at most `limit`, the newest first."""
        found: list[Sample] = []
        cursor: str | None = None
        while len(found) < limit:
            with self._translate_errors():
                page = await self._json("/v1/samples", limit=PAGE, **({"cursor": cursor} if cursor else {}))
                found += [_checked(sample) for sample in page["samples"] if sample["use"] in FOLDERS]
                cursor = page["cursor"]
            if cursor is None:
                break
        return found[:limit]

    async def picture(self, sample: Sample, max_bytes: int) -> bytes | None:
        """Return a sample's JPEG; None if it was evicted or is larger than max_bytes."""
        data = bytearray()
        with self._translate_errors():
            async with self._client() as client, client.stream("GET", f"/v1/samples/{sample['id']}/picture.jpg") as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    return None
                response.raise_for_status()
                async for chunk in response.aiter_bytes():
                    data += chunk
                    if len(data) > max_bytes:
                        log.warning(
                            "sample.skipped", camera=sample["camera"], id=sample["id"], reason=f"larger than {max_bytes} bytes"
                        )
                        return None
        return bytes(data)

    async def _json(self, path: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401  # values of a query
        async with self._client() as client:
            response = await client.get(path, params=query)
        response.raise_for_status()
        return dict(response.json())

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._url, timeout=TIMEOUT_S, trust_env=False, headers=authorization(), verify=self._verify
        )

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AggregatorUnavailableError(self._url, f"{type(error).__name__}: {error}") from error


@cache
def _trusted() -> ssl.SSLContext:
    """Read the certificate authorities once: that takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


def _floats(reasons: dict[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in reasons.items()}


def _checked(sample: Sample) -> Sample:
    """Check the values that become a path."""
    if not re.fullmatch(CAMERA, sample["camera"]):
        raise ValueError(f"{sample['camera']!r} is not a camera")
    return sample | {"id": int(sample["id"])}


Check = Callable[[], Awaitable[None]]
"""Awaited at intervals; raises to end the run."""


async def no_check() -> None:
    """Do nothing: the run never ends early."""


async def retry_unavailable(request: Callable[[], Awaitable[T]], wait_s: float, check: Check = no_check) -> T:
    """Repeat a request while the aggregator is unavailable, for instance during its restart.

    Args:
        wait_s: Maximum time without a response.
        check: Awaited before each attempt.

    Raises:
        AggregatorUnavailableError: There was no response in this time.
    """

    async def attempt() -> T:
        await check()
        return await request()

    return await retry(attempt, AggregatorUnavailableError, Backoff(longest_s=MAX_BACKOFF_S), _on_error, wait_s)


def _on_error(error: Exception, wait_s: float, failures: int) -> None:
    log.warning("aggregator.unavailable", error=str(error), again_in_s=round(wait_s, 1), attempt=failures)
