"""One viewer of a load: a window of the console, or a subscription over gRPC."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing

from davy.access.own_token import named_by
from davy.adapters.grpc.frame_client import FrameClient
from davy.adapters.http.window_client import WindowClient, WindowPicture
from davy.adapters.tls import Tls
from davy.domain.camera import CameraAddress
from davy.domain.errors import AggregatorUnavailableError
from davy_bench.load.clock import Measurement
from davy_bench.load.figures import Figures
from davy_bench.load.plan import LoadPlan, Target

RETRY_S = 0.2


class LoadViewer:
    """A viewer that draws at once what it is sent.

    Args:
        number: Its place among the viewers, which decides what it shows and where it connects.
        tls: Its identity.
    """

    def __init__(
        self, number: int, plan: LoadPlan, target: Target, tls: Tls | None, figures: Figures, measurement: Measurement
    ) -> None:
        self._plan, self._target, self._tls = plan, target, tls
        self._figures, self._measurement, self._turn = figures, measurement, number
        self._cameras: Sequence[CameraAddress] = plan.shown(number)

    async def run(self) -> None:
        """Watch until cancelled; a lost aggregator is replaced by the next."""
        watch = self._watch_window if self._plan.viewing == "window" else self._watch_grpc
        while True:
            try:
                with named_by(self._target.token):
                    await watch()
            except AggregatorUnavailableError as error:
                self._figures.errors.add(str(error))
            self._count("disconnects")
            self._turn += 1
            await asyncio.sleep(RETRY_S)

    async def _watch_window(self) -> None:
        console = self._target.console[self._turn % len(self._target.console)]
        tile = {"kind": "enhanced", "width": self._plan.tile_width, "fps": self._plan.tile_fps}
        async with WindowClient.connect(console, self._tls) as window:
            await window.show([camera.key for camera in self._cameras], tile)
            await window.follow_events()
            async with aclosing(window.messages()) as messages:
                async for message in messages:
                    if isinstance(message, WindowPicture):
                        self._see(message.captured_ms / 1000, message.size)
                        await window.acknowledge(message)
                    else:
                        self._read(message)

    async def _watch_grpc(self) -> None:
        endpoint = self._target.grpc[self._turn % len(self._target.grpc)]
        names = [f"{camera.edge}/{camera.camera}" for camera in self._cameras]
        async with (
            FrameClient.connect(endpoint, self._tls) as client,
            aclosing(client.frames(names, max_fps=self._plan.tile_fps)) as frames,
        ):
            async for frame in frames:
                self._see(frame.captured_ns / 1e9, len(frame.jpeg))

    def _see(self, captured_s: float, size: int) -> None:
        now_s = time.time()
        if self._measurement.counts(now_s):
            self._figures.ages_s.append(now_s - captured_s)
            self._figures.counts["pictures"] += 1
            self._figures.counts["picture-bytes"] += size

    def _read(self, text: str) -> None:
        if text.startswith('{"type":"state'):
            self._count("states")
            self._count("state-bytes", len(text))
        elif text.startswith('{"type":"event"'):
            self._count("window-events")

    def _count(self, name: str, by: int = 1) -> None:
        if self._measurement.counts(time.time()):
            self._figures.counts[name] += by
