"""Videos and pictures of recordings. A damaged segment is set aside, and what remains is shown."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from davy.adapters.recording.reader import Source, picture_at, stream_mp4, write_mp4
from davy.domain.camera import CameraAddress
from davy.domain.errors import NotFoundError, UnreadableVideoError
from davy.domain.severity import Severity
from davy.domain.video import Variant
from davy_aggregator.recording.service import Recordings

ATTEMPTS = 5  # damaged segments in one range
SECOND = 1_000_000_000

T = TypeVar("T")


class Playback:
    """Reads recordings. Use it on the event loop.

    Args:
        recordings: The recordings.
    """

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings

    async def etag(self, camera: CameraAddress, variant: Variant, start_ns: int, end_ns: int) -> str:
        """Return the ETag of a range: another one when a gap was filled.

        Raises:
            NotFoundError: nothing is recorded in it.
        """
        segments = await asyncio.to_thread(self._recordings.store.segments, camera.key, variant, start_ns, end_ns)
        if not segments:
            raise NotFoundError(f"nothing is recorded of {camera.key} in this range")
        told = "".join(segment.sha256 for segment in segments) + f"{start_ns}-{end_ns}"
        return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'

    async def file(self, camera: CameraAddress, variant: Variant, start_ns: int, end_ns: int) -> Path:
        """Write a range to a new file, which the caller deletes.

        Raises:
            NotFoundError: nothing is recorded in it.
            UnreadableVideoError: too much of it is damaged.
        """

        def write(sources: list[Source]) -> Path:
            with tempfile.NamedTemporaryFile(dir=self.folder(), suffix=".mp4", delete=False) as file:
                path = Path(file.name)
            try:
                write_mp4(path, sources, start_ns, end_ns)
            except BaseException:
                path.unlink()
                raise
            return path

        return await self._reading(camera, variant, start_ns, end_ns, write)

    async def stream(self, camera: CameraAddress, variant: Variant, start_ns: int, end_ns: int) -> AsyncGenerator[bytes, None]:
        """Yield a fragmented MP4 of a range. It ends early at a damaged segment, which is set aside."""
        sources = await asyncio.to_thread(self._recordings.sources, camera.key, variant, start_ns, end_ns)
        chunks = stream_mp4(sources, start_ns, end_ns)
        try:
            while (chunk := await asyncio.to_thread(_next, chunks)) is not None:
                yield chunk
        except UnreadableVideoError as error:
            await asyncio.to_thread(self._set_aside, sources, error)
            raise

    async def picture(self, camera: CameraAddress, variant: Variant, at_ns: int, width: int, exact: bool) -> tuple[bytes, int]:
        """Return the JPEG of a time, and the time of its capture in ns.

        Raises:
            NotFoundError: nothing is recorded there.
        """
        start_ns = at_ns if exact else at_ns - SECOND

        def read(sources: list[Source]) -> tuple[bytes, int]:
            return picture_at(sources[-1], at_ns, width, exact=exact)

        return await self._reading(camera, variant, start_ns, at_ns + 1, read)

    async def _reading(
        self, camera: CameraAddress, variant: Variant, start_ns: int, end_ns: int, read: Callable[[list[Source]], T]
    ) -> T:
        for attempt in range(ATTEMPTS):
            sources = await asyncio.to_thread(self._recordings.sources, camera.key, variant, start_ns, end_ns)
            if not sources:
                raise NotFoundError(f"nothing is recorded of {camera.key} at this time")
            try:
                return await asyncio.to_thread(read, sources)
            except UnreadableVideoError as error:
                await asyncio.to_thread(self._set_aside, sources, error)
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError  # the last attempt raises

    def _set_aside(self, sources: list[Source], error: UnreadableVideoError) -> None:
        for segment, _ in sources:
            if segment.path == error.path:
                reason = self._recordings.set_aside(segment, error.reason)
                self._recordings.report_soon("recording-damaged", reason, Severity.WARNING)

    def folder(self) -> Path:
        """The folder of files that are being made; its disk is the recordings'."""
        folder = self._recordings.files.incoming
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _next(chunks: Iterator[bytes]) -> bytes | None:
    return next(chunks, None)
