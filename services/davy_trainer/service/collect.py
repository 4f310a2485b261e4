"""The inputs of a run, downloaded to its folder: samples and the running model."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from davy.adapters.http.model_client import ModelClient
from davy.adapters.storage.model_registry import ModelRegistry
from davy.adapters.tls import Tls
from davy.atomic import write_atomic
from davy.domain.errors import AggregatorUnavailableError, ConfigError, DavyError
from davy.imaging.runtime import shipped_model
from davy.models import KeySet, ModelKind, Package, open_package
from davy.models.package import SPEC, check_interface
from davy.models.shipped import shipped_tensors
from davy.telemetry import get_logger
from davy_trainer.data.packaged_photographs import copy_photographs
from davy_trainer.people.files import DETECTOR
from davy_trainer.service.aggregator import FOLDERS, AggregatorClient, Check, Sample, no_check, retry_unavailable
from davy_trainer.service.settings import TrainerSettings

log = get_logger(__name__)

POLL_S = 2.0

ONNX, TENSORS = "ispcnn.onnx", "ispcnn.safetensors"


async def collect_samples(settings: TrainerSettings, folder: Path, drifted: tuple[str, ...], check: Check) -> None:
    """Write FOLDER/train and FOLDER/validation, a sub-folder EDGE.CAMERA each, and FOLDER/samples.jsonl.

    The folder appears complete or not at all.

    Args:
        drifted: Cameras that need min_samples samples; collecting waits for them.
        check: Awaited at intervals; raises to end the run.

    Raises:
        AggregatorUnavailableError: It does not respond for aggregator_wait_s.
        ConfigError: A drifted camera has too few samples.
        OSError: The disk is full.
    """
    if await asyncio.to_thread(folder.is_dir):
        return
    aggregator, incomplete = AggregatorClient.of(settings), _incomplete(folder)
    samples = await _wait_for_samples(settings, aggregator, drifted, check)
    lines: list[str] = []
    left_bytes = settings.max_samples_bytes
    for sample in samples:
        path = incomplete / FOLDERS[sample["use"]] / _name(sample)
        await check()
        size = await _download(aggregator, sample, path, settings, check)
        left_bytes -= size
        if left_bytes < 0:
            reason = f"more than {settings.max_samples_bytes} bytes"
            log.warning("samples.skipped", downloaded=len(lines), of=len(samples), reason=reason)
            path.unlink()
            break
        if size:
            lines.append(json.dumps({"path": str(path.relative_to(incomplete))} | sample))
    incomplete.mkdir(parents=True, exist_ok=True)
    (incomplete / "samples.jsonl").write_text("".join(f"{line}\n" for line in lines))
    incomplete.replace(folder)


def by_camera(samples: Sequence[Sample], newest: int) -> dict[str, list[Sample]]:
    """Return the newest training samples of each camera, at most `newest`.

    Args:
        samples: Sorted, the newest first.
    """
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample["use"] == "train" and len(of_camera := found.setdefault(sample["camera"], [])) < newest:
            of_camera.append(sample)
    return found


async def mirror_samples(
    aggregator: AggregatorClient, cameras: Mapping[str, Sequence[Sample]], folder: Path, settings: TrainerSettings
) -> None:
    """Make FOLDER/EDGE.CAMERA/ID.jpg hold exactly these samples; existing files are not downloaded again.

    Raises:
        AggregatorUnavailableError: It does not respond.
        OSError: The disk is full.
    """
    wanted = {folder / _name(sample): sample for samples in cameras.values() for sample in samples}
    for path, sample in wanted.items():
        await _download(aggregator, sample, path, settings)
    for path in await asyncio.to_thread(lambda: [*folder.glob("*/*")]):
        if path not in wanted:
            path.unlink()


async def _download(
    aggregator: AggregatorClient, sample: Sample, path: Path, settings: TrainerSettings, check: Check = no_check
) -> int:
    """Write the sample's picture; return its size, or 0 if it is not available."""
    if existing := await asyncio.to_thread(_size, path):
        return existing
    picture = partial(aggregator.picture, sample, settings.max_picture_bytes)
    data = await retry_unavailable(picture, settings.aggregator_wait_s, check)
    if data is None:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(write_atomic, path, data)
    return len(data)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _name(sample: Sample) -> str:
    return f"{sample['camera']}/{sample['id']:010d}.jpg"


def _incomplete(folder: Path) -> Path:
    """Return the folder's name while it is being written."""
    return folder.with_name(f"{folder.name}.part")


async def _wait_for_samples(
    settings: TrainerSettings, aggregator: AggregatorClient, drifted: tuple[str, ...], check: Check
) -> list[Sample]:
    deadline_s = asyncio.get_running_loop().time() + settings.samples_wait_s
    while True:
        await check()
        newest = partial(aggregator.samples, settings.max_samples)
        samples = await retry_unavailable(newest, settings.aggregator_wait_s, check)
        counts = Counter(sample["camera"] for sample in samples if sample["use"] == "train")
        missing = [camera for camera in drifted if counts[camera] < settings.min_samples]
        if not missing:
            return samples
        if asyncio.get_running_loop().time() > deadline_s:
            waited = f"none arrived in {settings.samples_wait_s:g} s"
            raise ConfigError(f"{', '.join(missing)}: fewer than {settings.min_samples} samples to adapt to, and {waited}")
        await asyncio.sleep(POLL_S)


async def fetch_running_model(settings: TrainerSettings, folder: Path, check: Check = no_check) -> str:
    """Write the running model's ONNX and safetensors; return its id in the registry, empty for the shipped one.

    Raises:
        DavyError: The model is not found, or is rejected.
    """
    name = settings.model
    if name == "fleet":
        running = AggregatorClient.of(settings).running_model
        name = await retry_unavailable(running, settings.aggregator_wait_s, check) if settings.aggregator else ""
    read = partial(asyncio.to_thread, _files_of, settings, "" if name == "shipped" else name)
    found, onnx, tensors = await retry_unavailable(read, settings.aggregator_wait_s, check)
    incomplete = _incomplete(folder)
    shutil.rmtree(incomplete, ignore_errors=True)
    incomplete.mkdir(parents=True)
    (incomplete / ONNX).write_bytes(onnx)
    (incomplete / TENSORS).write_bytes(tensors)
    shutil.rmtree(folder, ignore_errors=True)
    incomplete.replace(folder)
    return found


async def fetch_running_detector(settings: TrainerSettings, folder: Path, check: Check = no_check) -> str:
    """Write the analysis' detector and its description; return its id in the registry, empty for the shipped one.

    Raises:
        DavyError: The detector is not found, or is rejected.
    """
    name = ""
    if settings.model == "fleet" and settings.aggregator:
        name = await retry_unavailable(AggregatorClient.of(settings).running_detector, settings.aggregator_wait_s, check)
    read = partial(asyncio.to_thread, _detector_files, settings, name)
    found, onnx, spec = await retry_unavailable(read, settings.aggregator_wait_s, check)
    incomplete = _incomplete(folder)
    shutil.rmtree(incomplete, ignore_errors=True)
    incomplete.mkdir(parents=True)
    (incomplete / DETECTOR).write_bytes(onnx)
    (incomplete / DETECTOR).with_suffix(".yaml").write_bytes(spec)
    incomplete.replace(folder)
    return found


def collect_photographs(folder: Path) -> None:
    """Copy a few well-lit photographs of installed packages, if the settings name none.

    Raises:
        ConfigError: The installed packages contain none.
    """
    if not folder.is_dir():
        incomplete = _incomplete(folder)
        list(copy_photographs(incomplete))
        incomplete.replace(folder)


def _read_model(settings: TrainerSettings, name: str) -> Package:
    if settings.registry_is_aggregator:
        data = ModelClient(settings.registry_url, Tls.of(settings.tls)).read_model(name)
        return open_package(data, KeySet.load(settings.trusted), None)
    registry = ModelRegistry(settings.registry_url, settings.trusted)
    return registry.open(registry.get(name))


def _detector_files(settings: TrainerSettings, name: str) -> tuple[str, bytes, bytes]:
    if not name:
        from davy.imaging.detect import shipped_path  # its libraries take a second

        shipped = shipped_path()
        return "", shipped.read_bytes(), shipped.with_suffix(".yaml").read_bytes()
    package = _running_package(settings, name)
    check_interface(package.manifest, ModelKind.DETECTOR)
    return package.id, package.onnx, package.files[SPEC]


def _files_of(settings: TrainerSettings, name: str) -> tuple[str, bytes, bytes]:
    if not name:
        return "", shipped_model().read_bytes(), shipped_tensors().read_bytes()
    package = _running_package(settings, name)
    return package.id, package.onnx, package.files["model.safetensors"]


def _running_package(settings: TrainerSettings, name: str) -> Package:
    try:
        return _read_model(settings, name)
    except AggregatorUnavailableError:
        raise
    except DavyError as error:
        raise ConfigError(f"the running model {name[:24]} is not available: {error}") from error
