"""Cameras and their frames."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import quote

from pydantic import BaseModel

from davy.client.connection import RECONNECT, Connection
from davy.client.frames import Frame, Variant, read_parts
from davy.client.messages import Camera
from davy.domain.errors import UnavailableError, UnreadableError


class _Cameras(BaseModel):
    cameras: list[Camera]
    cursor: str | None = None


class Cameras:
    """The cameras of a site. `Client` makes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> list[Camera]:
        """List the cameras with their state and figures, by id."""
        page = await self._connection.ask(_Cameras, "GET", "/v1/cameras")
        found = page.cameras
        while page.cursor:
            page = await self._connection.ask(_Cameras, "GET", "/v1/cameras", params={"cursor": page.cursor})
            found += page.cameras
        return found

    async def get(self, camera: str) -> Camera:
        """Get one camera by its id, edge.camera.

        Raises:
            NotFoundError: no such camera.
        """
        return await self._connection.ask(Camera, "GET", _path(camera))

    async def latest(self, camera: str, variant: Variant = "enhanced") -> Frame:
        """Get the newest frame, of any age.

        Args:
            camera: edge.camera.
            variant: "raw" is the frame before enhancement, where the edge sends it.

        Raises:
            NotFoundError: no such camera.
            UnavailableError: the camera has no such frame yet.
        """
        answer = await self._connection.send("GET", f"{_path(camera)}/latest.jpg", params={"variant": variant})
        return Frame.of(camera, variant, answer.content, dict(answer.headers))

    async def frames(self, camera: str, fps: float = 0.0, variant: Variant = "enhanced") -> AsyncGenerator[Frame, None]:
        """Yield frames as they come, until closed; a slow reader gets fewer frames, not older ones.

        It waits while the camera is silent or the aggregator is gone.

        Args:
            camera: edge.camera.
            fps: Maximum frames per second; 0 yields every frame.
            variant: As of `latest`.

        Raises:
            NotFoundError: no such camera.
            RefusedError: this program may not see it.
        """
        failures, newest = 0, None
        while True:
            try:
                async with aclosing(self._session(camera, fps, variant)) as frames:
                    async for frame in frames:
                        failures = 0
                        if newest != (newest := (frame.captured_ns, frame.seq)):  # a new stream begins with the newest frame
                            yield frame
            except (UnavailableError, UnreadableError):
                failures += 1
            await asyncio.sleep(RECONNECT.wait_s(max(1, failures)))

    async def _session(self, camera: str, fps: float, variant: Variant) -> AsyncGenerator[Frame, None]:
        query = {"variant": variant, "fps": str(fps)}
        async with (
            self._connection.stream(f"{_path(camera)}/live.mjpeg", params=query) as answer,
            aclosing(read_parts(answer.aiter_bytes())) as parts,
        ):
            async for headers, jpeg in parts:
                yield Frame.of(camera, variant, jpeg, headers)


def _path(camera: str) -> str:
    return f"/v1/cameras/{quote(camera, safe='')}"
