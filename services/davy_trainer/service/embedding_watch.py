"""Embedding drift: the distance of each camera's newest pictures from those that the running model was trained on.

The edges measure the light themselves. This measurement needs the image tower, so it runs in a separate process, on the
cores of training runs and at the lowest priority.
"""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from davy.adapters.process.exec_shim import Limits
from davy.atomic import write_atomic
from davy.domain.errors import DavyError, TrainingError
from davy.telemetry import get_logger
from davy_trainer.service.aggregator import AggregatorClient, Sample
from davy_trainer.service.collect import by_camera, mirror_samples
from davy_trainer.service.drift_trigger import DriftCounter, DriftTrigger
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.migration import migrate_record
from davy_trainer.service.process import davy_command
from davy_trainer.service.run_service import RunService
from davy_trainer.service.settings import LOWEST_NICE

log = get_logger(__name__)

NO_REFERENCE = "no reference of this site yet"
REFERENCE_SAMPLES = 40  # newest samples per camera in a reference of the site's own samples


class CameraDrift(BaseModel, frozen=True):
    camera: str = Field(examples=["north.face"])
    score: float = Field(description="0 is ordinary, 1 a clear change.")
    known: bool = Field(description="Whether the camera is part of the reference; an unknown camera starts no run.")


class EmbeddingDrift(BaseModel, frozen=True):
    """The newest measurement."""

    message: str = Field(NO_REFERENCE, description="Status, in a sentence.")
    model: str = Field("", description="Id of the running model; empty: the installed one.")
    reference: str = Field("", description="Source of the reference; empty: none yet.")
    measured_ns: int = Field(0, description="Unix time.")
    above: float | None = Field(None, description="Drift that starts a run; null: none does.")
    cameras: tuple[CameraDrift, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _migrate(cls, fields: Any) -> Any:  # noqa: ANN401  # before validation
        return migrate_record(fields) if isinstance(fields, Mapping) else fields


class EmbeddingWatch:
    """Measures when there are new samples.

    Args:
        set_error: Receives why a measurement failed, or an empty text.
    """

    def __init__(
        self, runs: RunService, metrics: TrainerMetrics, active: Callable[[], bool], set_error: Callable[[str], None]
    ) -> None:
        self._runs, self._settings, self._metrics = runs, runs.settings, metrics
        self._active, self._set_error = active, set_error
        self._folder = (runs.settings.data / "embeddings").absolute()
        self._measured_inputs: object = None
        above, checks = runs.settings.embedding_above, runs.settings.embedding_checks
        self._trigger = above and DriftTrigger(runs, metrics, DriftCounter(above, checks), "picture")

    async def newest(self) -> EmbeddingDrift:
        """Return the newest measurement, also of an earlier service on the folder."""
        return await asyncio.to_thread(self._read)

    async def run(self) -> None:
        """Measure until cancelled."""
        if not self._settings.aggregator or not self._settings.embedding_every_s:
            await asyncio.Event().wait()
        while True:
            if self._active():
                try:
                    await self.measure()
                    self._set_error("")
                except (DavyError, OSError) as error:
                    self._set_error(str(error))
            await asyncio.sleep(self._settings.embedding_every_s)

    async def measure(self) -> None:
        """Measure once, if there are new samples or a new model.

        Raises:
            AggregatorUnavailableError: It does not respond.
            TrainingError: The measuring process failed.
            OSError: The disk is full.
        """
        aggregator = AggregatorClient.of(self._settings)
        samples, model = await aggregator.samples(self._settings.max_samples), await aggregator.running_model()
        inputs = (model, [sample["id"] for sample in samples])
        if inputs == self._measured_inputs:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        reference = await self._reference(aggregator, samples, model)
        found = EmbeddingDrift(model=model, above=self._settings.embedding_above)
        if reference is not None:
            newest = by_camera(samples, self._settings.embedding_samples)
            await mirror_samples(aggregator, newest, self._folder / "samples", self._settings)
            if newest:
                found = await self._compare(reference, found)
        await asyncio.to_thread(write_atomic, self._folder / "drift.json", found.model_dump_json().encode())
        self._measured_inputs = inputs
        self._metrics.embedding_drift.clear()
        for each in found.cameras:
            self._metrics.embedding_drift.labels(each.camera).set(each.score)
        if self._trigger:
            cameras = [{"camera": each.camera, "score": each.score} for each in found.cameras if each.known]
            await self._trigger.observe(cameras)

    async def _compare(self, reference: Path, found: EmbeddingDrift) -> EmbeddingDrift:
        facts = json.loads(await asyncio.to_thread(_facts_of(reference).read_text))
        arguments = ["train", "drift", str(self._folder / "samples"), "--reference", str(reference), "--json"]
        arguments += ["--newest", str(self._settings.embedding_samples)]
        scores: dict[str, float] = json.loads(await self._davy(arguments))
        cameras = tuple(
            CameraDrift(camera=name, score=score, known=name in facts["cameras"])
            for name, score in sorted((slashed.replace("/", ".", 1), score) for slashed, score in scores.items())
        )
        changes = {"message": f"compared with {facts['source']}", "reference": facts["source"]}
        return found.model_copy(update=changes | {"measured_ns": time.time_ns(), "cameras": cameras})

    async def _reference(self, aggregator: AggregatorClient, samples: Sequence[Sample], model: str) -> Path | None:
        """Return the reference of a model, made once: of its run's training samples, or else of the site's own samples."""
        path = self._folder / f"reference-{model[:12] or 'installed'}.safetensors"
        if path.is_file() and _facts_of(path).is_file():
            return path
        run = next((each for each in await self._runs.all() if model and each.result.model == model), None)
        if run is not None and (trained := self._runs.folder(run.id) / "samples" / "train").is_dir():
            folder, source = trained, f"the training samples of run {run.id}"
        else:
            newest = by_camera(samples, REFERENCE_SAMPLES)
            enough = {name: some for name, some in newest.items() if len(some) >= self._settings.embedding_min_samples}
            if not enough:
                return None
            folder, source = self._folder / "usual", "the site's own samples"
            await mirror_samples(aggregator, enough, folder, self._settings)
        incomplete = path.with_name(f"{path.name}.part")
        options = ["--samples", str(folder), "--newest", str(REFERENCE_SAMPLES)]
        await self._davy(["train", "reference", str(incomplete), *options])
        cameras = sorted(each.name for each in folder.iterdir() if each.is_dir())
        await asyncio.to_thread(write_atomic, _facts_of(path), json.dumps({"cameras": cameras, "source": source}).encode())
        incomplete.replace(path)
        await asyncio.to_thread(shutil.rmtree, self._folder / "usual", ignore_errors=True)
        log.info("reference.written", model=model[:12], cameras=cameras, source=source)
        return path

    async def _davy(self, arguments: Sequence[str]) -> str:
        """Run a `davy` command and return its output; it is killed with this service."""
        arguments = [*arguments, "--clip", self._settings.embedding_clip]
        limits = Limits(str(self._folder / "pid"), LOWEST_NICE, ",".join(map(str, self._settings.cores)))
        process = await asyncio.create_subprocess_exec(
            *limits.command(davy_command(arguments)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "COLUMNS": "200"},
        )
        try:
            output, errors = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        if process.returncode != 0:
            last = errors.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"status {process.returncode}"]
            raise TrainingError(f"embedding drift cannot be measured: {last[0][:300]}")
        return output.decode()

    def _read(self) -> EmbeddingDrift:
        try:
            return EmbeddingDrift.model_validate_json((self._folder / "drift.json").read_bytes())
        except (FileNotFoundError, ValidationError):  # none, or of another version: the next measurement replaces it
            return EmbeddingDrift(above=self._settings.embedding_above)


def _facts_of(reference: Path) -> Path:
    return reference.with_suffix(".json")
