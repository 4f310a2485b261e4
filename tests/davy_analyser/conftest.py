"""A site whose aggregator leaves the analysis to `davy analyser`."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.davy_aggregator.conftest import Running, aggregator, envelope, make_settings, make_site, push, running

from davy.analysis.settings import AnalysisSettings
from davy.site import SiteConfig

__all__ = ["aggregator"]  # a fixture

CAMERAS = ("north/face", "north/belt")
FAST = {"DAVY_ANALYSIS_FPS": "5", "DAVY_ANALYSIS_PERSON_FPS": "5", "OMP_NUM_THREADS": "1"}


@dataclass
class Analyser:
    """A process `davy analyser`."""

    name: str
    process: asyncio.subprocess.Process
    lines: list[dict] = field(default_factory=list)
    task: asyncio.Task | None = None

    async def follow(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            with suppress(ValueError):
                self.lines.append(json.loads(line))

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


@dataclass
class Site:
    """A running aggregator, and its analysers."""

    aggregator: Running
    file: Path
    seq: int = 0
    analysers: list[Analyser] = field(default_factory=list)

    async def start(self, name: str, **environ: str) -> Analyser:
        own = {
            "DAVY_AGGREGATOR": f"grpc://127.0.0.1:{self.aggregator.grpc_port}",
            "DAVY_ANALYSER_DATA": str(self.file.parent / name),
        }
        environment = os.environ | FAST | own | environ
        words = [sys.executable, "-m", "davy", "analyser", "--config", str(self.file), "--name", name]
        process = await asyncio.create_subprocess_exec(*words, env=environment, stderr=asyncio.subprocess.PIPE)
        analyser = Analyser(name, process)
        self.analysers.append(analyser)
        analyser.task = asyncio.create_task(analyser.follow())
        return analyser

    async def show(self, picture: bytes, *cameras: str) -> None:
        """Push one frame of each camera."""
        self.seq += 1
        await push(self.aggregator, *(envelope(self.seq, camera, jpeg=picture) for camera in cameras))

    def workers(self) -> float:
        return self.sample("davy_analysis_workers")

    def looks(self) -> float:
        return self.sample("davy_analysis_age_seconds_count")

    def sample(self, name: str, **labels: str) -> float:
        return self.aggregator.registry.get_sample_value(name, labels) or 0.0

    async def end(self) -> None:
        for each in self.analysers:
            each.kill()
            await each.process.wait()
            await each.task


@asynccontextmanager
async def analysed(path: Path, site: SiteConfig) -> AsyncIterator[Site]:
    file = path / "site.yaml"
    cameras = "".join(
        f"  {edge}: {{cameras: {{{', '.join(f'{camera}: {{source: simulator://face}}' for camera in config.cameras)}}}}}\n"
        for edge, config in site.edges.items()
    )
    file.write_text(f"site: {site.site}\nedges:\n{cameras}")
    settings = make_settings(path, analysis=AnalysisSettings(run_in="workers", cooldown_s=0))
    async with running(settings, site) as aggregator:
        found = Site(aggregator, file)
        try:
            yield found
        finally:
            await found.end()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    camera = {"source": "simulator://face"}
    async with analysed(tmp_path, make_site(north={"cameras": {"face": camera, "belt": camera}})) as found:
        yield found
