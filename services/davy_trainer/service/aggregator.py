"""A client of the aggregator's REST, for samples, drift and the running model."""

import re
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import httpx

from davy.domain.errors import AggregatorUnavailableError
from davy.streams.reconnect import Backoff, retry
from davy.telemetry import get_logger

log = get_logger(__name__)
T = TypeVar("T")
Sample = dict[str, Any]  # as GET /v1/samples answers it

PAGE = 200
CAMERA = r"[a-z0-9-]{1,64}\.[a-z0-9-]{1,64}"
ANSWER_S = 20.0
LONGEST_WAIT_S = 5.0  # between two attempts
FOLDERS = {"train": "train", "validation": "validation"}  # of the samples that are not excluded, by their use


class Aggregator:
    """Every method raises AggregatorUnavailableError if the aggregator does not answer, or answers something else."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def drift(self) -> list[dict[str, Any]]:
        """Return camera, score and reasons of every camera with a score."""
        with self._translated():
            cameras = (await self._json("/v1/drift"))["cameras"]
            known = [each for each in cameras if each["score"] is not None]
            return [{"camera": str(e["camera"]), "score": float(e["score"]), "reasons": _floats(e["reasons"])} for e in known]

    async def running(self) -> str:
        """Return the id of the model that most edges report; empty for the installed one."""
        with self._translated():
            edges = (await self._json("/v1/fleet"))["edges"]
            counts = Counter(str(edge["reported"]["model"]) for edge in edges)
        return counts.most_common(1)[0][0] if counts else ""

    async def samples(self, most: int) -> list[Sample]:
        """Return the newest `most` samples that are not excluded, the newest first."""
        found: list[Sample] = []
        cursor: str | None = None
        while len(found) < most:
            with self._translated():
                page = await self._json("/v1/samples", limit=PAGE, **({"cursor": cursor} if cursor else {}))
                found += [_checked(sample) for sample in page["samples"] if sample["use"] in FOLDERS]
                cursor = page["cursor"]
            if cursor is None:
                break
        return found[:most]

    async def picture(self, sample: Sample, most_bytes: int) -> bytes | None:
        """Return a sample's JPEG; None if it was evicted by a newer one, or is larger than most_bytes."""
        data = bytearray()
        with self._translated():
            async with self._client() as client, client.stream("GET", f"/v1/samples/{sample['id']}/picture.jpg") as answer:
                if answer.status_code == httpx.codes.NOT_FOUND:
                    return None
                answer.raise_for_status()
                async for chunk in answer.aiter_bytes():
                    data += chunk
                    if len(data) > most_bytes:
                        log.warning(
                            "sample.left_out", camera=sample["camera"], id=sample["id"], reason=f"over {most_bytes} bytes"
                        )
                        return None
        return bytes(data)

    async def _json(self, path: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401  # values of a query
        answer = await self._get(path, **query)
        answer.raise_for_status()
        return dict(answer.json())

    async def _get(self, path: str, **query: Any) -> httpx.Response:  # noqa: ANN401  # as above
        async with self._client() as client:
            return await client.get(path, params=query)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._url, timeout=ANSWER_S, trust_env=False, verify=_trusted())

    @contextmanager
    def _translated(self) -> Iterator[None]:
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
"""Awaited now and then; raises if the run is to end."""


async def no_check() -> None:
    """End nothing."""


async def patiently(ask: Callable[[], Awaitable[T]], wait_s: float, check: Check = no_check) -> T:
    """Ask the aggregator again until it answers: it may be restarting.

    Args:
        wait_s: Longest time without an answer.
        check: Awaited before each attempt.

    Raises:
        AggregatorUnavailableError: It does not answer in this time.
    """

    async def attempt() -> T:
        await check()
        return await ask()

    return await retry(attempt, AggregatorUnavailableError, Backoff(longest_s=LONGEST_WAIT_S), _on_lost, wait_s)


def _on_lost(error: Exception, wait_s: float, failures: int) -> None:
    log.warning("aggregator.unavailable", error=str(error), again_in_s=round(wait_s, 1), attempt=failures)
