"""Recorded segments, as the aggregator stores them."""

import hashlib
from collections.abc import AsyncGenerator
from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel

from davy.client.clips import Variant
from davy.client.connection import Connection
from davy.client.messages import RecordedSegment
from davy.domain.errors import UnreadableError


class _Segments(BaseModel):
    segments: list[RecordedSegment]
    more: bool


class Recordings:
    """Recorded segments of a site. `Client` makes it. Times have a zone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def segments(
        self, camera: str, start: datetime, end: datetime, variant: Variant = "enhanced"
    ) -> AsyncGenerator[RecordedSegment, None]:
        """Yield the segments of a camera (edge.camera) with something between two times, oldest first.

        Raises:
            NotFoundError: there is no such camera.
        """
        before, path = set[str](), f"/v1/cameras/{quote(camera, safe='')}/segments"
        while True:
            query = {"from": start.isoformat(), "to": end.isoformat(), "variant": variant}
            page = await self._connection.ask(_Segments, "GET", path, params=query)
            for segment in page.segments:
                if segment.path not in before:
                    yield segment
            if not page.more:
                return
            before, start = {segment.path for segment in page.segments}, page.segments[-1].start_at

    async def file(self, segment: RecordedSegment) -> bytes:
        """Read the file of a segment, an MP4.

        Raises:
            NotFoundError: it was deleted.
            UnreadableError: it is not what was recorded.
        """
        data = (await self._connection.send("GET", segment.href)).content
        if not segment.path.endswith(f"_{hashlib.sha256(data).hexdigest()}.mp4"):
            raise UnreadableError(f"{segment.path} is not the file that was recorded")
        return data
