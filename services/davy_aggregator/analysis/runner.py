"""Analysis in the aggregator's process: newest frames at a bounded rate, on threads of low priority."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from davy.analysis.look import MAX_AGE_S, CameraAnalysis, MakeAnalysers, lower_priority
from davy.analysis.settings import AnalysisSettings
from davy.domain.camera import CameraAddress
from davy.streams.tasks import until_first_ends
from davy_aggregator.analysis.findings import FindingsReporter
from davy_aggregator.live import LiveFrame, LiveFrames, Watcher


async def analyse(
    settings: AnalysisSettings,
    live: LiveFrames,
    reporter: FindingsReporter,
    make: MakeAnalysers,
    analyses: Callable[[LiveFrame], bool] = lambda _: True,
) -> None:
    """Analyse every camera's newest frames, and report begins and ends of findings, until cancelled.

    Args:
        analyses: Whether this replica analyses a frame.
    """
    threads = ThreadPoolExecutor(settings.threads, "analysis", initializer=lower_priority)
    try:
        fps = max(settings.fps, settings.person_fps)
        with live.watch("analysis", max_fps=fps, max_age_s=MAX_AGE_S, relayed=False) as watcher:
            looking = _Looking(settings, watcher, reporter, make, threads, analyses)
            works = {f"look-{number}": looking.run() for number in range(settings.threads)}
            await until_first_ends("analysis", **works)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class _Looking:
    """What the tasks that look at cameras share: one looks at a camera at a time, as its analysers remember."""

    settings: AnalysisSettings
    watcher: Watcher
    reporter: FindingsReporter
    make: MakeAnalysers
    threads: ThreadPoolExecutor
    analyses: Callable[[LiveFrame], bool]
    cameras: dict[CameraAddress, CameraAnalysis] = field(default_factory=dict)
    busy: set[CameraAddress] = field(default_factory=set)
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.watcher.may_send = lambda camera: camera not in self.busy

    async def run(self) -> None:
        """Look at one frame after the other, until cancelled."""
        while True:
            async with self.taking:  # a change wakes one of the tasks, which looks at every waiting camera
                newest = await self.watcher.take()
                camera = newest.frame.camera
                self.busy.add(camera)
            try:
                if self.analyses(newest):
                    await self._look(camera, newest)
            finally:
                self.busy.discard(camera)
                self.watcher.wake_for(camera)

    async def _look(self, camera: CameraAddress, newest: LiveFrame) -> None:
        analysis, settings = self.cameras.setdefault(camera, CameraAnalysis(self.make(camera))), self.settings
        results = await asyncio.get_running_loop().run_in_executor(
            self.threads, analysis.look, newest.frame, settings.width, 1 / settings.fps
        )
        await self.reporter.report(camera, results, newest.frame.jpeg)
