"""The running cameras. Each starts, changes and stops alone, so that no other camera loses a frame."""

import asyncio
from collections.abc import Callable, Sequence

from davy.atomic import failpoint
from davy.site import CameraConfig, EdgeConfig
from davy.streams.accounting import FrameAccounting
from davy_edge.config.difference import Difference
from davy_edge.frames.camera_states import CameraStates
from davy_edge.frames.pipeline import Pipeline
from davy_edge.observation.drift_watch import DriftWatch
from davy_edge.transport.sink import Sink

Build = Callable[[str, CameraConfig], Pipeline]


class Pipelines:
    """One pipeline per configured camera. Use it on the event loop; `damaged` is callable from any thread.

    Args:
        config: Initial configuration, also of accounting, states and drift.
        build: Returns the pipeline of a camera, not yet started.
    """

    def __init__(
        self,
        config: EdgeConfig,
        build: Build,
        accounting: FrameAccounting[str],
        states: CameraStates,
        drift: DriftWatch,
        sinks: Sequence[Sink],
    ) -> None:
        self.config, self._build = config, build
        self._accounting, self._states, self._drift, self._sinks = accounting, states, drift, sinks
        self._running = {name: build(name, camera) for name, camera in config.cameras.items()}

    def start(self) -> None:
        for pipeline in self._running.values():
            pipeline.start()

    def check(self) -> None:
        """Run the watchdog of every capture."""
        for pipeline in list(self._running.values()):
            pipeline.capture.check()

    def damaged(self, camera: str) -> int:
        """Return the number of damaged frames of a camera."""
        pipeline = self._running.get(camera)
        return pipeline.capture.damaged if pipeline else 0

    async def apply(self, config: EdgeConfig) -> str:
        """Apply another configuration; unchanged cameras keep running. Return a description of the changes."""
        difference = Difference.between(self.config.cameras, config.cameras)
        before, self.config = self.config, config
        changes = [self._reopen(name, config, before) for name in difference.reopened]
        changes += [self._tune(name, config, before) for name in difference.tuned]
        changes += [self._remove(name) for name in difference.removed]
        results = await asyncio.gather(*changes, return_exceptions=True)
        failpoint("config.applying")
        for name in difference.added:
            self._add(name, config)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return str(difference)

    async def stop(self) -> None:
        """Stop every pipeline; takes a few seconds at most."""
        await asyncio.gather(*(asyncio.to_thread(pipeline.stop) for pipeline in self._running.values()))
        await asyncio.sleep(0)  # frames delivered meanwhile reach the sinks

    def _add(self, name: str, config: EdgeConfig) -> None:
        self._states.add(name)
        self._drift.add(name)
        self._accounting.open(name)
        self._start(name, config)

    def _start(self, name: str, config: EdgeConfig) -> None:
        self._running[name] = self._build(name, config.cameras[name])
        self._running[name].start()

    async def _tune(self, name: str, config: EdgeConfig, before: EdgeConfig) -> None:
        if not self._running[name].tune(config.cameras[name]):
            await self._reopen(name, config, before)

    async def _reopen(self, name: str, config: EdgeConfig, before: EdgeConfig) -> None:
        """Reopen a camera; its seq continues."""
        await self._end(name)
        if config.cameras[name].source != before.cameras[name].source:
            self._drift.forget(name)
            self._drift.add(name)
        self._start(name, config)

    async def _remove(self, name: str) -> None:
        await self._end(name)
        self._running.pop(name, None)
        for sink in self._sinks:
            sink.forget(name)
        self._accounting.retire(name)
        self._drift.forget(name)
        self._states.remove(name, "removed from the configuration")

    async def _end(self, name: str) -> None:
        await asyncio.to_thread(self._running[name].stop)
        await asyncio.sleep(0)  # as above
