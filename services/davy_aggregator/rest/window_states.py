"""The state of the site for windows: the whole list once, then what changed and what the window shows.

A window of a site of 1,000 cameras gets 400 kB once and 10 kB per state after it.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from typing import Any

from davy.domain.camera import CameraAddress
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.schemas import CameraState
from davy_aggregator.site_status import CameraBrief

STATE_EVERY_S = 0.5
REFRESH_S = 30.0  # figures of a camera that a window does not show are this old at most
SLICE = 50  # cameras that are looked at in one go: a few ms
MAX_SHARE = 0.1  # of a processor for the states of a large site
MAX_GONE = 1000  # ids of removed cameras that are remembered; a window that is further behind gets the whole list

_LEFT_OUT = {"address", "live"}


class States:
    """The state of the site, looked at once for all windows, and encoded once per camera.

    Cameras are looked at in slices between which frames arrive, and so rarely that it costs a tenth of a processor at most.
    """

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._due_s, self._version = context, 0.0, 0
        self._looking = asyncio.Lock()
        self._briefs: dict[CameraAddress, CameraBrief] = {}
        self._changed: dict[CameraAddress, int] = {}  # version of the last change, the newest last
        self._gone: dict[str, int] = {}  # version of the removal by id, the newest last
        self._edges: tuple[int, dict[str, str]] = (0, {})
        self._oldest = 0  # a window with this version or an older one gets the whole list
        self._rows: dict[CameraAddress, str] = {}  # of this version
        self._head: dict[str, Any] = {}
        self._turn = 0

    @property
    def every_s(self) -> float:
        """The time until the next state, in s."""
        return max(STATE_EVERY_S, self._due_s - time.monotonic())

    async def message(self, known: int, shown: Collection[CameraAddress]) -> tuple[int, str]:
        """Return the newest state for a window, as its version and a message.

        Args:
            known: The version that the window has; 0 if it has none.
            shown: The cameras that it shows.
        """
        await self._look()
        version, (edges_at, edges) = self._version, self._edges
        if known <= self._oldest:
            head = {"type": "state", **self._head, "edges": edges}
            return version, _message(head, [row async for row in self._all_rows()])
        head = {"type": "state-change", **self._head, "gone": list(_since(self._gone, known))}
        if edges_at > known:
            head["edges"] = edges
        wanted = dict.fromkeys((*shown, *_since(self._changed, known)))
        return version, _message(head, [self._row(camera) for camera in wanted if self._context.live.has(camera)])

    async def _look(self) -> None:
        if self._version and (time.monotonic() < self._due_s or self._looking.locked()):
            return
        async with self._looking:
            if not self._version or time.monotonic() >= self._due_s:
                await self._look_at_all()

    async def _look_at_all(self) -> None:
        status, live = self._context.site_status, self._context.live
        version, spent_s, alive, changed = self._version + 1, 0.0, 0, list[CameraAddress]()
        addresses = live.cameras
        for start in range(0, len(addresses), SLICE):
            began_s = time.perf_counter()
            for camera in addresses[start : start + SLICE]:
                if not live.has(camera):
                    continue
                brief = status.brief(camera)
                alive += brief.state is CameraState.LIVE
                if self._briefs.get(camera) != brief:
                    self._briefs[camera] = brief
                    changed.append(camera)
            spent_s += time.perf_counter() - began_s
            await asyncio.sleep(0)
        began_s = time.perf_counter()
        for camera in (*changed, *self._swept(addresses)):
            self._changed.pop(camera, None)  # the newest stands last
            self._changed[camera] = version
            self._gone.pop(camera.key, None)
        self._remove(set(self._briefs).difference(live.cameras), version)
        if (edges := status.edge_statuses()) != self._edges[1]:
            self._edges = (version, edges)
        site = status.summary(len(addresses), alive).model_dump(mode="json")
        self._head = {"now_ms": time.time_ns() // 1_000_000, "site": site}
        self._version, self._rows = version, {}
        spent_s += time.perf_counter() - began_s
        self._due_s = time.monotonic() + max(STATE_EVERY_S, spent_s / MAX_SHARE)

    def _swept(self, addresses: list[CameraAddress]) -> list[CameraAddress]:
        """Return the cameras whose turn it is to be sent although nothing but figures changed."""
        share = -(-len(addresses) * STATE_EVERY_S // REFRESH_S)
        start = self._turn if self._turn < len(addresses) else 0
        self._turn = start + int(share)
        return addresses[start : self._turn]

    def _remove(self, cameras: Iterable[CameraAddress], version: int) -> None:
        for camera in cameras:
            del self._briefs[camera]
            self._changed.pop(camera, None)
            self._gone[camera.key] = version
        while len(self._gone) > MAX_GONE:
            self._oldest = self._gone.pop(next(iter(self._gone)))

    async def _all_rows(self) -> AsyncIterator[str]:
        for number, camera in enumerate(self._context.live.cameras):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            if self._context.live.has(camera):
                yield self._row(camera)

    def _row(self, camera: CameraAddress) -> str:
        row = self._rows.get(camera)
        if row is None:
            found = self._context.site_status.camera(camera)
            row = self._rows[camera] = found.__pydantic_serializer__.to_json(found, exclude=_LEFT_OUT).decode()
        return row


def _since(versions: dict[Any, int], known: int) -> Iterator[Any]:
    """Yield the keys of later versions, the newest first."""
    for key in reversed(versions):
        if versions[key] <= known:
            return
        yield key


def _message(head: dict[str, Any], rows: list[str]) -> str:
    return f'{json.dumps(head, separators=(",", ":"))[:-1]},"cameras":[{",".join(rows)}]}}'
