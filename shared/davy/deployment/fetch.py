"""Download of a package; it resumes after broken connections."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

from davy.atomic import failpoint
from davy.deployment.model_folder import ModelFolder
from davy.domain.errors import AggregatorUnavailableError, ModelRefusedError
from davy.models import Cause
from davy.streams.reconnect import Backoff, retry
from davy.twin.model import Target
from davy.twin.protocol import MAX_REASON

BACKOFF = Backoff(longest_s=30.0)


class PackageSource(Protocol):
    """Where packages come from: an aggregator over the network, or its own catalog."""

    @property
    def endpoint(self) -> str:
        """Name of the source, for errors."""
        ...

    def chunks(self, target: Target, offset: int) -> AsyncGenerator[bytes, None]:
        """Stream a package's bytes from offset on.

        Raises:
            AggregatorUnavailableError: it does not answer; begin again where it ended.
            UnknownModelError: it does not have this package.
        """
        ...


async def fetch(folder: ModelFolder, client: PackageSource, target: Target, report: Callable[..., None]) -> None:
    """Download until the package is complete; wait without limit for an unreachable aggregator.

    Args:
        folder: Receives the download.
        client: Where the package comes from.
        target: The package.
        report: Called with the keyword argument reason while it waits.

    Raises:
        ModelRefusedError: the aggregator sends more bytes than announced.
        UnknownModelError: the aggregator has no such package.
        OSError: the disk is full or fails.
    """
    partial = folder.partial(target)

    def waiting(error: Exception, wait_s: float, failures: int) -> None:  # noqa: ARG001  # an OnError
        report(reason=str(error)[:MAX_REASON])

    await retry(lambda: _download(partial, client, target), AggregatorUnavailableError, BACKOFF, waiting)
    if not await asyncio.to_thread(_is_complete, partial, target):  # a crash can leave unwritten blocks
        await asyncio.to_thread(partial.unlink, missing_ok=True)
        await _download(partial, client, target)


async def _download(partial: Path, client: PackageSource, target: Target) -> None:
    have = await asyncio.to_thread(_size, partial, target.size)
    if have == target.size:
        return
    async with aclosing(client.chunks(target, have)) as chunks:
        async for data in chunks:
            have += len(data)
            if have > target.size:
                raise ModelRefusedError(Cause.SIZE, f"longer than the announced {target.size:,} bytes")
            await asyncio.to_thread(_append, partial, data)
            failpoint("model.downloading")
    if have < target.size:
        raise AggregatorUnavailableError(client.endpoint, f"the download ended at {have:,} of {target.size:,} bytes")


def _append(partial: Path, data: bytes) -> None:
    """Append one chunk; the file stays open for no longer, because a cancelled download closes nothing that a thread opened."""
    with partial.open("ab") as file:
        file.write(data)


def _size(partial: Path, most: int) -> int:
    """Return the number of bytes on disk; remove a file that is too long."""
    have = partial.stat().st_size if partial.exists() else 0
    if have > most:
        partial.unlink()
        return 0
    return have


def _is_complete(partial: Path, target: Target) -> bool:
    return hashlib.sha256(partial.read_bytes()).hexdigest() == target.sha256
