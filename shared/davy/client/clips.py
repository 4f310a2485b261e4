"""Recordings: clips, video of a range, and exports with a signed manifest."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel

from davy.client.connection import Connection
from davy.client.messages import Clip

EXPORT_S = 600.0  # an export is written before it is sent

Variant = Literal["enhanced", "raw"]


class _Clips(BaseModel):
    clips: list[Clip]


class Clips:
    """Clips of a site, and the video in them. `Client` makes it. Times have a zone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self, camera: str = "") -> list[Clip]:
        """List clips, newest first; of one camera (edge.camera), or of all."""
        query = {"camera": camera} if camera else {}
        return (await self._connection.ask(_Clips, "GET", "/v1/clips", params=query)).clips

    async def make(
        self, camera: str, start: datetime, end: datetime, name: str, reason: str = "", *, held: bool = True
    ) -> Clip:
        """Keep a part of a recording as a clip.

        Args:
            camera: edge.camera.
            start: First moment.
            end: Last moment.
            name: What people call it.
            reason: Why it is kept.
            held: Retention deletes nothing of it until it is released.

        Raises:
            NotFoundError: there is no such camera.
            InvalidInputError: the range is empty, too long, or without a zone.
        """
        body = {"camera": camera, "name": name, "reason": reason, "held": held}
        body |= {"start_at": start.isoformat(), "end_at": end.isoformat()}
        return await self._connection.ask(Clip, "POST", "/v1/clips", json=body)

    async def hold(self, clip: int, reason: str, *, held: bool = True) -> Clip:
        """Hold a clip, or release it (held=False); the reason stands in the journal."""
        return await self._connection.ask(Clip, "PUT", f"/v1/clips/{clip}/hold", json={"held": held, "reason": reason})

    async def delete(self, clip: int) -> None:
        """Delete a clip; its video stays as long as retention lets it."""
        await self._connection.send("DELETE", f"/v1/clips/{clip}")

    async def video(
        self, camera: str, start: datetime, end: datetime, variant: Variant = "enhanced"
    ) -> AsyncGenerator[bytes, None]:
        """Yield the recording of a range as the bytes of one MP4.

        Raises:
            NotFoundError: nothing was recorded in the range, or there is no such camera.
        """
        query = {"from": start.isoformat(), "to": end.isoformat(), "variant": variant}
        path = f"/v1/cameras/{quote(camera, safe='')}/recording.mp4"
        async with self._connection.stream(path, params=query) as answer:
            async for part in answer.aiter_bytes():
                yield part

    async def export(self, cameras: Sequence[str], start: datetime, end: datetime, reason: str) -> bytes:
        """Export the recordings of cameras as a ZIP with a signed manifest, for `davy recordings verify`."""
        body = {"cameras": [*cameras], "reason": reason, "start_at": start.isoformat(), "end_at": end.isoformat()}
        return (await self._connection.send("POST", "/v1/recordings/export", json=body, timeout=EXPORT_S)).content
