"""The inputs of a run, fetched into its folder: samples and the running model."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from davy.adapters.storage.model_registry import ModelRegistry
from davy.atomic import write_atomic
from davy.domain.errors import ConfigError, DavyError
from davy.imaging.runtime import shipped_model
from davy.models.keyring import TRUST
from davy.models.shipped import shipped_tensors
from davy.telemetry import get_logger
from davy_trainer.data.packaged_photographs import copy_samples
from davy_trainer.service.aggregator import FOLDERS, Aggregator, Check, Sample, no_check, patiently
from davy_trainer.service.settings import TrainerSettings

log = get_logger(__name__)

SAMPLES_EVERY_S = 2.0

ONNX, TENSORS = "ispcnn.onnx", "ispcnn.safetensors"


async def collect_samples(settings: TrainerSettings, folder: Path, drifted: tuple[str, ...], check: Check) -> None:
    """Write FOLDER/train and FOLDER/validation, a sub-folder EDGE.CAMERA each, and FOLDER/samples.jsonl.

    The folder appears complete or not at all.

    Args:
        drifted: Cameras that need samples_least samples; collecting waits for them.
        check: Awaited now and then; it raises if the run is to end.

    Raises:
        AggregatorUnavailableError: It does not answer for aggregator_wait_s.
        ConfigError: A drifted camera has too few samples.
        OSError: The disk is full.
    """
    if await asyncio.to_thread(folder.is_dir):
        return
    aggregator, half = Aggregator.of(settings), folder.with_name(f"{folder.name}.part")
    samples = await _enough(settings, aggregator, drifted, check)
    lines: list[str] = []
    left_bytes = settings.samples_most_bytes
    for sample in samples:
        path = half / FOLDERS[sample["use"]] / _name(sample)
        await check()
        brought = await _bring(aggregator, sample, path, settings, check)
        left_bytes -= brought
        if left_bytes < 0:
            log.warning(
                "samples.left_out", kept=len(lines), of=len(samples), reason=f"over {settings.samples_most_bytes} bytes"
            )
            path.unlink()
            break
        if brought:
            lines.append(json.dumps({"path": str(path.relative_to(half))} | sample))
    half.mkdir(parents=True, exist_ok=True)
    (half / "samples.jsonl").write_text("".join(f"{line}\n" for line in lines))
    half.replace(folder)


def by_camera(samples: Sequence[Sample], newest: int) -> dict[str, list[Sample]]:
    """Return the newest training samples of each camera, at most `newest`.

    Args:
        samples: The newest first.
    """
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample["use"] == "train" and len(of_camera := found.setdefault(sample["camera"], [])) < newest:
            of_camera.append(sample)
    return found


async def fetch(
    aggregator: Aggregator, cameras: Mapping[str, Sequence[Sample]], folder: Path, settings: TrainerSettings
) -> None:
    """Make FOLDER/EDGE.CAMERA/ID.jpg hold these samples and nothing else; what is there already is not fetched again.

    Raises:
        AggregatorUnavailableError: it does not answer.
        OSError: the disk is full.
    """
    wanted = {folder / _name(sample): sample for samples in cameras.values() for sample in samples}
    for path, sample in wanted.items():
        await _bring(aggregator, sample, path, settings)
    for path in await asyncio.to_thread(lambda: [*folder.glob("*/*")]):
        if path not in wanted:
            path.unlink()


async def _bring(aggregator: Aggregator, sample: Sample, path: Path, settings: TrainerSettings, check: Check = no_check) -> int:
    """Write the sample's picture; return its size, or 0 if it is not available."""
    if known := await asyncio.to_thread(_size, path):
        return known
    picture = partial(aggregator.picture, sample, settings.picture_most_bytes)
    data = await patiently(picture, settings.aggregator_wait_s, check)
    if data is None:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(write_atomic, path, data)
    return len(data)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _name(sample: Sample) -> str:
    return f"{sample['camera']}/{sample['id']:010d}.jpg"


async def _enough(settings: TrainerSettings, aggregator: Aggregator, drifted: tuple[str, ...], check: Check) -> list[Sample]:
    until_s = asyncio.get_running_loop().time() + settings.samples_wait_s
    while True:
        await check()
        newest = partial(aggregator.samples, settings.samples_most)
        samples = await patiently(newest, settings.aggregator_wait_s, check)
        counts = Counter(sample["camera"] for sample in samples if sample["use"] == "train")
        missing = [camera for camera in drifted if counts[camera] < settings.samples_least]
        if not missing:
            return samples
        if asyncio.get_running_loop().time() > until_s:
            waited = f"none came in {settings.samples_wait_s:g} s"
            raise ConfigError(f"{', '.join(missing)}: fewer than {settings.samples_least} samples to adapt to, and {waited}")
        await asyncio.sleep(SAMPLES_EVERY_S)


async def bring_running_model(settings: TrainerSettings, folder: Path, check: Check = no_check) -> str:
    """Write the running model's ONNX and safetensors; return its id in the registry, empty for the shipped one.

    Raises:
        DavyError: The model is not found, or is refused.
    """
    name = settings.model
    if name == "fleet":
        running = Aggregator.of(settings).running
        name = await patiently(running, settings.aggregator_wait_s, check) if settings.aggregator else ""
    found, onnx, tensors = await asyncio.to_thread(_files_of, settings, "" if name == "shipped" else name)
    half = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    (half / ONNX).write_bytes(onnx)
    (half / TENSORS).write_bytes(tensors)
    shutil.rmtree(folder, ignore_errors=True)
    half.replace(folder)
    return found


def bring_photographs(folder: Path) -> None:
    """Copy a few well-lit photographs from installed packages, for settings that name none.

    Raises:
        ConfigError: The installed packages contain none.
    """
    if not folder.is_dir():
        half = folder.with_name(f"{folder.name}.part")
        list(copy_samples(half))
        half.replace(folder)


def _files_of(settings: TrainerSettings, name: str) -> tuple[str, bytes, bytes]:
    if not name:
        return "", shipped_model().read_bytes(), shipped_tensors().read_bytes()
    registry = ModelRegistry(settings.registry_url, settings.keys / TRUST)
    try:
        package = registry.open(registry.get(name))
    except DavyError as error:
        raise ConfigError(f"the running model {name[:24]} is not available: {error}") from error
    return package.id, package.onnx, package.files["model.safetensors"]
