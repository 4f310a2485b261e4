"""Where recorded segments come from: a folder or an object storage of recordings, or an aggregator."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from davy.adapters.storage.object_files import ObjectFiles
from davy.adapters.tls import Tls
from davy.client import Client, RecordedSegment
from davy.client.connection import RECONNECT
from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidInputError, NotFoundError, UnavailableError, UnreadableVideoError
from davy.domain.recording import SUFFIX, Segment
from davy.domain.secret_url import SecretUrl
from davy.domain.video import Variant

LONGEST_SEGMENT = timedelta(minutes=10)
ATTEMPTS = 10  # to read a segment: 30 s


class SegmentSource(Protocol):
    """Recorded segments."""

    def segments(self, camera: str, variant: Variant, start: datetime, end: datetime) -> list[Segment]:
        """List the segments of a camera with something between two times, oldest first.

        Raises:
            NotFoundError: there is no such camera.
        """
        ...

    def read(self, segment: Segment) -> bytes:
        """Read the file of a segment.

        Raises:
            UnreadableError: it is not the file that was recorded.
            UnavailableError: the storage or the aggregator does not answer.
        """
        ...


class FolderSource:
    """Recordings below a folder or a URL, as edges and aggregators write them.

    Args:
        url: A path, file:///..., or s3://bucket/recordings and the like.

    Raises:
        ConfigError: no installed file system opens the URL.
    """

    def __init__(self, url: SecretUrl | str) -> None:
        self._files = ObjectFiles(url)

    def segments(self, camera: str, variant: Variant, start: datetime, end: datetime) -> list[Segment]:
        """List segments; `camera` is edge.camera of the only site, or site/edge/camera."""
        address, found = self._address(camera), list[Segment]()
        day = (start - LONGEST_SEGMENT).astimezone(UTC).date()
        while day <= end.astimezone(UTC).date():
            folder = f"{address}/{variant}/{day:%Y%m%d}"
            found += [Segment.parse(f"{folder}/{name}{SUFFIX}", 0) for name in self._files.names(folder, SUFFIX)]
            day += timedelta(days=1)
        start_ns, end_ns = (int(at.timestamp() * 1e9) for at in (start, end))
        inside = [segment for segment in found if segment.start_ns < end_ns and segment.end_ns > start_ns]
        return sorted(inside, key=lambda segment: (segment.start_ns, segment.first_seq))

    def read(self, segment: Segment) -> bytes:
        """Read a segment."""
        data = self._files.read(segment.path)
        if data is None or hashlib.sha256(data).hexdigest() != segment.sha256:
            raise UnreadableVideoError(segment.path, "it is missing" if data is None else "its hash is another one")
        return data

    def _address(self, camera: str) -> CameraAddress:
        if camera.count("/") == 2:
            return CameraAddress.parse(camera)
        sites = self._files.names("", "")
        if len(sites) != 1:
            found = f"recordings of {', '.join(sorted(sites))}" if sites else "no recordings"
            raise InvalidInputError(f"{self._files.url} holds {found}: name the camera as site/edge/camera")
        return CameraAddress.parse(camera, sites[0])


class AggregatorSource:
    """The recordings of an aggregator, over HTTP with the identity of the environment.

    Args:
        client: A client of it.
        runner: Runs the client's requests.
    """

    def __init__(self, client: Client, runner: asyncio.Runner) -> None:
        self._client, self._runner = client, runner
        self._listed: dict[str, RecordedSegment] = {}

    @classmethod
    @contextmanager
    def opened(cls, url: str, tls: Tls | None) -> Iterator["AggregatorSource"]:
        """Connect for the duration of the block."""
        with asyncio.Runner() as runner:
            client = Client(url, identity=tls)
            try:
                yield cls(client, runner)
            finally:
                runner.run(client.close())

    def segments(self, camera: str, variant: Variant, start: datetime, end: datetime) -> list[Segment]:
        """List segments; `camera` is edge.camera."""

        async def listed() -> list[RecordedSegment]:
            return [each async for each in self._client.recordings.segments(camera, start, end, variant)]

        found = self._runner.run(listed())
        self._listed |= {each.path: each for each in found}
        return [Segment.parse(each.path, each.bytes) for each in found]

    def read(self, segment: Segment) -> bytes:
        """Read a segment; an aggregator that restarts is waited for."""
        try:
            return self._runner.run(self._read(self._listed[segment.path]))
        except NotFoundError as error:
            raise UnreadableVideoError(segment.path, str(error)) from error

    async def _read(self, segment: RecordedSegment) -> bytes:
        for attempt in range(1, ATTEMPTS):
            try:
                return await self._client.recordings.file(segment)
            except UnavailableError:
                await asyncio.sleep(RECONNECT.wait_s(attempt))
        return await self._client.recordings.file(segment)
