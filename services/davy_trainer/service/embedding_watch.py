"""How far each camera's pictures lie from those that the running model was made for, measured from its newest samples.

The edges measure the light themselves; this needs the image tower, so it is a process of its own, on the cores of training
runs and behind everybody else.
"""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from davy.atomic import write_atomic
from davy.domain.errors import DavyError, TrainingError
from davy.telemetry import get_logger
from davy_trainer.service.aggregator import Aggregator, Sample
from davy_trainer.service.collect import by_camera, fetch
from davy_trainer.service.drift_trigger import DriftTrigger, DriftWatch
from davy_trainer.service.exec_shim import exec_shim_command
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.run_service import RunService
from davy_trainer.service.settings import LOWEST_NICE

log = get_logger(__name__)

NO_REFERENCE = "no reference of this site yet"
REFERENCE_SAMPLES = 40  # of a camera, the newest: what is usual there


class CameraDrift(BaseModel, frozen=True):
    camera: str = Field(examples=["north.face"])
    score: float = Field(description="0 is ordinary, 1 a clear change.")
    known: bool = Field(description="Whether it takes part in the reference; one that does not begins no run.")


class EmbeddingDrift(BaseModel, frozen=True):
    """The newest measurement."""

    told: str = Field(NO_REFERENCE, description="How it stands, in a sentence.")
    model: str = Field("", description="The running model's id; empty: as installed.")
    reference: str = Field("", description="What is taken as usual; empty: nothing yet.")
    measured_ns: int = Field(0, description="Unix time.")
    above: float | None = Field(None, description="Drift that begins a run; null: none does.")
    cameras: tuple[CameraDrift, ...] = ()


class EmbeddingWatch:
    """Measures when there are new samples.

    Args:
        fault: told why it cannot, or an empty text.
    """

    def __init__(
        self, runs: RunService, metrics: TrainerMetrics, active: Callable[[], bool], fault: Callable[[str], None]
    ) -> None:
        self._runs, self._settings, self._metrics = runs, runs.settings, metrics
        self._active, self._fault = active, fault
        self._folder = (runs.settings.data / "embeddings").absolute()
        self._seen: object = None
        above = runs.settings.embedding_above
        self._trigger = above and DriftTrigger(runs, metrics, DriftWatch(above, runs.settings.embedding_looks), "picture")

    async def newest(self) -> EmbeddingDrift:
        """The newest measurement, also of an earlier service on the folder."""
        return await asyncio.to_thread(self._read)

    async def run(self) -> None:
        """Measure until cancelled."""
        if not self._settings.aggregator or not self._settings.embedding_every_s:
            await asyncio.Event().wait()
        while True:
            if self._active():
                try:
                    await self.look()
                    self._fault("")
                except (DavyError, OSError) as error:
                    self._fault(str(error))
            await asyncio.sleep(self._settings.embedding_every_s)

    async def look(self) -> None:
        """Measure once, if samples have come since the last time.

        Raises:
            AggregatorUnavailableError: it does not answer.
            TrainingError: the measuring process failed.
            OSError: the disk is full.
        """
        aggregator = Aggregator.of(self._settings)
        samples, model = await aggregator.samples(self._settings.samples_most), await aggregator.running()
        seen = (model, [sample["id"] for sample in samples])
        if seen == self._seen:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        reference = await self._reference(aggregator, samples, model)
        found = EmbeddingDrift(model=model, above=self._settings.embedding_above)
        if reference is not None:
            newest = by_camera(samples, self._settings.embedding_newest)
            await fetch(aggregator, newest, self._folder / "samples", self._settings)
            if newest:
                found = await self._measured(reference, found)
        await asyncio.to_thread(write_atomic, self._folder / "drift.json", found.model_dump_json().encode())
        self._seen = seen
        self._metrics.embedding_drift.clear()
        for each in found.cameras:
            self._metrics.embedding_drift.labels(each.camera).set(each.score)
        if self._trigger:
            cameras = [{"camera": each.camera, "score": each.score} for each in found.cameras if each.known]
            await self._trigger.look(cameras)

    async def _measured(self, reference: Path, found: EmbeddingDrift) -> EmbeddingDrift:
        known = json.loads(await asyncio.to_thread(_facts_of(reference).read_text))
        words = ["train", "drift", str(self._folder / "samples"), "--reference", str(reference), "--json"]
        words += ["--newest", str(self._settings.embedding_newest)]
        scores: dict[str, float] = json.loads(await self._davy(words))
        cameras = tuple(
            CameraDrift(camera=name, score=score, known=name in known["cameras"])
            for name, score in sorted((slashed.replace("/", ".", 1), score) for slashed, score in scores.items())
        )
        told = f"measured against {known['source']}"
        changes = {"told": told, "reference": known["source"], "measured_ns": time.time_ns(), "cameras": cameras}
        return found.model_copy(update=changes)

    async def _reference(self, aggregator: Aggregator, samples: Sequence[Sample], model: str) -> Path | None:
        """What is usual under this model: made once, of what its run learned from, or else of the samples that are there."""
        path = self._folder / f"reference-{model[:12] or 'installed'}.safetensors"
        if path.is_file() and _facts_of(path).is_file():
            return path
        run = next((each for each in await self._runs.all() if model and each.result.model == model), None)
        if run is not None and (learned := self._runs.folder(run.id) / "samples" / "train").is_dir():
            folder, source = learned, f"what run {run.id} learned from"
        else:
            counted = by_camera(samples, REFERENCE_SAMPLES)
            enough = {name: some for name, some in counted.items() if len(some) >= self._settings.embedding_least}
            if not enough:
                return None
            folder, source = self._folder / "usual", "the site's own samples"
            await fetch(aggregator, enough, folder, self._settings)
        half = path.with_name(f"{path.name}.part")
        await self._davy(["train", "reference", str(half), "--samples", str(folder), "--newest", str(REFERENCE_SAMPLES)])
        cameras = sorted(each.name for each in folder.iterdir() if each.is_dir())
        await asyncio.to_thread(write_atomic, _facts_of(path), json.dumps({"cameras": cameras, "source": source}).encode())
        half.replace(path)
        await asyncio.to_thread(shutil.rmtree, self._folder / "usual", ignore_errors=True)
        log.info("reference.made", model=model[:12], cameras=cameras, source=source)
        return path

    async def _davy(self, words: Sequence[str]) -> str:
        """What the command prints; it is killed with this service."""
        words = [*words, "--clip", self._settings.embedding_clip]
        process = await asyncio.create_subprocess_exec(
            *exec_shim_command(self._folder / "pid", LOWEST_NICE, self._settings.cores, words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "COLUMNS": "200"},
        )
        try:
            said, complained = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        if process.returncode != 0:
            last = complained.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"status {process.returncode}"]
            raise TrainingError(f"the drift of pictures cannot be measured: {last[0][:300]}")
        return said.decode()

    def _read(self) -> EmbeddingDrift:
        try:
            return EmbeddingDrift.model_validate_json((self._folder / "drift.json").read_bytes())
        except (FileNotFoundError, ValidationError):  # none yet, or of another version: the next look writes it anew
            return EmbeddingDrift(above=self._settings.embedding_above)


def _facts_of(reference: Path) -> Path:
    return reference.with_suffix(".json")
