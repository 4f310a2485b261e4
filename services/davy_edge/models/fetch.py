"""A package onto the disk, across broken connections."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from davy.adapters.grpc.model_client import ModelClient
from davy.atomic import failpoint
from davy.domain.errors import AggregatorUnavailableError, ModelRefusedError
from davy.models import Cause
from davy.streams.reconnect import Backoff, retry
from davy.twin.model import Target
from davy_edge.models.model_folder import ModelDisk

BACKOFF = Backoff(longest_s=30.0)


async def fetch(disk: ModelDisk, client: ModelClient, target: Target, tell: Callable[[str], None]) -> None:
    """Download until the package is complete; waits for an aggregator that is away as long as it takes.

    Args:
        tell: Called with what is wrong, and with how far it is.

    Raises:
        ModelRefusedError: the aggregator sends something of another size.
        UnknownModelError: it has no such package.
        OSError: the disk is full or fails.
    """
    partial = disk.partial(target)

    def waiting(error: Exception, wait_s: float, failures: int) -> None:  # noqa: ARG001  # an OnError
        tell(str(error))

    await retry(lambda: _go_on(partial, client, target), AggregatorUnavailableError, BACKOFF, waiting)
    if not await asyncio.to_thread(_is_whole, partial, target):  # a crash can leave blocks that were never written
        await asyncio.to_thread(partial.unlink, missing_ok=True)
        await _go_on(partial, client, target)


async def _go_on(partial: Path, client: ModelClient, target: Target) -> None:
    have = await asyncio.to_thread(_size, partial, target.size)
    if have == target.size:
        return
    with await asyncio.to_thread(partial.open, "ab") as file:
        async with aclosing(client.chunks(target, have)) as chunks:
            async for data in chunks:
                have += len(data)
                if have > target.size:
                    raise ModelRefusedError(Cause.SIZE, f"over the {target.size:,} bytes that were announced")
                await asyncio.to_thread(file.write, data)
                file.flush()
                failpoint("model.downloading")
    if have < target.size:
        raise AggregatorUnavailableError(client.endpoint, f"the download ended at {have:,} of {target.size:,} bytes")


def _size(partial: Path, most: int) -> int:
    """The bytes that are there; a file that is too long is removed."""
    have = partial.stat().st_size if partial.exists() else 0
    if have > most:
        partial.unlink()
        return 0
    return have


def _is_whole(partial: Path, target: Target) -> bool:
    return hashlib.sha256(partial.read_bytes()).hexdigest() == target.sha256
