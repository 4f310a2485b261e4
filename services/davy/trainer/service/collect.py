"""What a run learns from and starts from: samples and the running model, brought into the run's folder."""

import asyncio
import json
import re
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx

from davy.adapters.registry import ModelRegistry
from davy.atomic import write_atomic
from davy.errors import AggregatorUnavailableError, ConfigError, DavyError
from davy.model.keyring import TRUST
from davy.model.shipped import shipped_tensors
from davy.runtime import shipped_model
from davy.telemetry import get_logger
from davy.trainer.samples import copy_samples
from davy.trainer.service.settings import TrainerSettings

log = get_logger(__name__)
T = TypeVar("T")

PAGE = 200
CAMERA = r"[a-z0-9-]{1,64}\.[a-z0-9-]{1,64}"
ANSWER_S = 20.0
TRIES, AGAIN_S = 5, 2.0
FOLDERS = {"train": "train", "validation": "validation"}  # excluded ones stay where they are
ONNX, TENSORS = "ispcnn.onnx", "ispcnn.safetensors"


class Aggregator:
    """The aggregator over REST, as far as training asks it.

    Every method raises AggregatorUnavailableError if it does not answer, or answers something else.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def drift(self) -> list[dict[str, Any]]:
        """Of every camera that is known: camera, score, reasons."""
        with self._translated():
            cameras = (await self._json("/v1/drift"))["cameras"]
            known = [each for each in cameras if each["score"] is not None]
            return [{"camera": str(e["camera"]), "score": float(e["score"]), "reasons": _floats(e["reasons"])} for e in known]

    async def running(self) -> str:
        """Id of the model that most edges report; empty: what was installed with them."""
        with self._translated():
            edges = (await self._json("/v1/fleet"))["edges"]
            counts = Counter(str(edge["reported"]["model"]) for edge in edges)
        return counts.most_common(1)[0][0] if counts else ""

    async def samples(self, most: int) -> list[dict[str, Any]]:
        """The newest `most` that are not excluded, the newest first."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(found) < most:
            with self._translated():
                page = await self._json("/v1/samples", limit=PAGE, **({"cursor": cursor} if cursor else {}))
                found += [_checked(sample) for sample in page["samples"] if sample["use"] in FOLDERS]
                cursor = page["cursor"]
            if cursor is None:
                break
        return found[:most]

    async def picture(self, sample: dict[str, Any]) -> bytes | None:
        """A sample's JPEG; None where it has gone for a newer one."""
        with self._translated():
            answer = await self._get(f"/v1/samples/{sample['id']}/picture.jpg")
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            answer.raise_for_status()
            return answer.content

    async def _json(self, path: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401  # values of a query
        answer = await self._get(path, **query)
        answer.raise_for_status()
        return dict(answer.json())

    async def _get(self, path: str, **query: Any) -> httpx.Response:  # noqa: ANN401  # as above
        async with httpx.AsyncClient(base_url=self._url, timeout=ANSWER_S, trust_env=False) as client:
            return await client.get(path, params=query)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AggregatorUnavailableError(self._url, f"{type(error).__name__}: {error}") from error


def _floats(reasons: dict[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in reasons.items()}


def _checked(sample: dict[str, Any]) -> dict[str, Any]:
    """What becomes a path must be no path by itself."""
    if not re.fullmatch(CAMERA, sample["camera"]):
        raise ValueError(f"{sample['camera']!r} is no camera")
    return sample | {"id": int(sample["id"])}


async def collect_samples(
    settings: TrainerSettings, folder: Path, drifted: tuple[str, ...], check: Callable[[], Awaitable[None]]
) -> None:
    """Write FOLDER/train and FOLDER/validation, a sub-folder EDGE.CAMERA each, and FOLDER/samples.jsonl: all, or try again.

    Args:
        drifted: cameras of which there must be samples_least; they are waited for.
        check: awaited now and then; it raises if the run shall end.

    Raises:
        AggregatorUnavailableError: it does not answer, five times.
        ConfigError: a drifted camera has too few samples.
        OSError: the disk is full.
    """
    if await asyncio.to_thread(folder.is_dir):
        return
    aggregator, half = Aggregator(settings.aggregator), folder.with_name(f"{folder.name}.part")
    samples = await _enough(settings, aggregator, drifted, check)
    lines = []
    for sample in samples:
        path = half / FOLDERS[sample["use"]] / str(sample["camera"]) / f"{sample['id']:010d}.jpg"
        if not path.is_file():
            await check()
            data = await patiently(partial(aggregator.picture, sample))
            if data is None:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(write_atomic, path, data)
        lines.append(json.dumps({"path": str(path.relative_to(half))} | sample))
    half.mkdir(parents=True, exist_ok=True)
    (half / "samples.jsonl").write_text("".join(f"{line}\n" for line in lines))
    half.replace(folder)


async def _enough(
    settings: TrainerSettings, aggregator: Aggregator, drifted: tuple[str, ...], check: Callable[[], Awaitable[None]]
) -> list[dict[str, Any]]:
    until_s = asyncio.get_running_loop().time() + settings.samples_wait_s
    while True:
        await check()
        samples = await patiently(partial(aggregator.samples, settings.samples_most))
        counts = Counter(sample["camera"] for sample in samples if sample["use"] == "train")
        missing = [camera for camera in drifted if counts[camera] < settings.samples_least]
        if not missing:
            return samples
        if asyncio.get_running_loop().time() > until_s:
            waited = f"none came in {settings.samples_wait_s:g} s"
            raise ConfigError(f"{', '.join(missing)}: fewer than {settings.samples_least} samples to adapt to, and {waited}")
        await asyncio.sleep(AGAIN_S)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again while the aggregator does not answer: it may be starting."""
    for _ in range(TRIES - 1):
        try:
            return await ask()
        except AggregatorUnavailableError as error:
            log.warning("aggregator.asked_again", reason=str(error))
            await asyncio.sleep(AGAIN_S)
    return await ask()


async def bring_running_model(settings: TrainerSettings, folder: Path) -> str:
    """Write the running model's ONNX and safetensors; returns its id in the registry, empty for the shipped one.

    Raises:
        DavyError: it cannot be found, or is refused.
    """
    name = settings.model
    if name == "fleet":
        name = await patiently(Aggregator(settings.aggregator).running) if settings.aggregator else ""
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
    """A few well-lit photographs, where the settings name none.

    Raises:
        ConfigError: the installed packages bring none.
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
        raise ConfigError(f"the running model {name[:24]} is not to be had: {error}") from error
    return package.id, package.onnx, package.files["model.safetensors"]
