"""Training data as one file: clear photographs, and scenes of the simulated mine with raw pictures and depth."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError, UnreadableImageError
from davy.domain.frame import BgrImage
from davy_trainer.data.photographs import find_pictures, read_bgr, read_millimetres
from davy_trainer.data.unreadable import report_unreadable

T = TypeVar("T")
Bytes = NDArray[np.uint8]
Size = tuple[int, int]
PHOTOGRAPH, SCENE = (288, 384), (216, 384)  # rows, columns; of a scene: where nothing else is asked for
DEPTH_STEP = 4  # depth has a quarter of the size
NO_DEPTH = (SCENE[0] // DEPTH_STEP, SCENE[1] // DEPTH_STEP)
FACTS = "davy"
CLEAR_BLACK, MAX_BLACK = 0.06, 0.25  # 0.5 % quantile of luma: of a clear photograph, and at most
CLEAR_WHITE, MIN_WHITE = 0.9, 0.6  # 99.5 % quantile
DARK_BELOW, MAX_DARK = 0.12, 0.15  # of [0, 1], and of the pixels: a darker ground truth teaches that dark stays dark
MEANS = (0.18, 0.78)  # of [0, 1]: limits of the mean of a ground truth
QUALITY = {"photographs": 92, "low": 95, "high": 94}


@dataclass(frozen=True, slots=True)
class Packed:
    """Content of a packed file; pictures are RGB, depth is in m.

    Attributes:
        names: Files of the photographs, FOLDER/PATH.
        checksum: Of the file.
    """

    photographs: Bytes  # (N, 288, 384, 3)
    low: Bytes  # (M, h, w, 3)
    high: Bytes  # of the same scenes
    depth: NDArray[np.float32]  # (M, h / 4, w / 4)
    names: Sequence[str]
    checksum: str


def pack(
    photographs: Sequence[Path],
    scenes: Sequence[Path],
    out: Path,
    max_mb: float,
    tick: Callable[[int, int], None],
    scene_size: Size = SCENE,
) -> tuple[int, int]:
    """Write the usable pictures to one file of at most max_mb megabytes.

    Args:
        photographs: Folders; a picture that is too dark, too bright or too hazy is skipped.
        scenes: Folders with low/ and high/ of `davy simulator scenes`; may be empty.
        scene_size: Rows and columns of the scenes, multiples of 8 (blocks of 4, and half of them in a window).

    Returns:
        Number of photographs and of scenes in the file; evenly spaced if not all fit.

    Raises:
        ConfigError: A folder is missing, or holds no usable picture.
    """
    found = [(path, f"{folder.name}/{path.relative_to(folder)}") for folder in photographs for path in find_pictures(folder)]
    highs = [path for folder in scenes for path in find_pictures(folder / "high")]
    total, share = len(found) + len(highs), 0.5
    rows: list[tuple[str, bytes]] = []
    unreadable: list[Path] = []
    for done, (path, name) in enumerate(found):
        tick(done, total)
        try:
            clear = usable_photograph(path)
        except UnreadableImageError:
            unreadable.append(path)
            continue
        if clear is not None:
            rows.append((name, _jpeg(clear, _quality("photographs", max_mb))))
    if not rows:
        raise ConfigError(f"none of {len(found)} photographs is clear and well lit; {len(unreadable)} are unreadable")
    views = []
    for done, path in enumerate(highs):
        tick(len(found) + done, total)
        try:
            views.append(_view(path, max_mb, scene_size))
        except UnreadableImageError:
            unreadable.append(path)
    report_unreadable(unreadable)
    capacity = max_mb * 1e6 * 0.98
    sizes = [sum(len(data) for _, data in rows), sum(sum(map(len, view)) for view in views)]
    if sum(sizes) > capacity:
        share = max(share, 1 - sizes[1] / capacity) if views else 1.0
        rows = _evenly(rows, share * capacity / sizes[0])
        views = _evenly(views, (1 - share) * capacity / max(sizes[1], 1))
    columns = {"photographs": [data for _, data in rows]}
    columns |= {name: [view[k] for view in views] for k, name in enumerate(("low", "high", "depth"))}
    _write(out, columns, {"names": [name for name, _ in rows], "scenes": len(views)})
    return len(rows), len(views)


def unpack(path: Path) -> Packed:
    """Read a packed file and decode every picture, a quarter of a megabyte each.

    Raises:
        ConfigError: The file is missing or not a packed file.
    """
    try:
        with safe_open(path, framework="np") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {})[FACTS])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no dict
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path} is not packed training data: {error}; `davy train pack-data` writes it") from error
    decoded = {name: list(_decoded(tensors, name)) for name in ("photographs", "low", "high", "depth")}
    photographs, low, high = (_stacked(decoded[name], shape) for name, shape in _SHAPES)
    depth = np.stack(decoded["depth"]).astype(np.float32) / 1000 if decoded["depth"] else np.zeros((0, *NO_DEPTH), np.float32)
    return Packed(photographs, low, high, np.maximum(depth, np.float32(0.1)), facts["names"], facts["checksum"])


_SHAPES = (("photographs", PHOTOGRAPH), ("low", SCENE), ("high", SCENE))


def usable_photograph(path: Path) -> BgrImage | None:
    """Read a photograph at PHOTOGRAPH's size, with black and white levels corrected; None if it is not usable.

    Raises:
        UnreadableImageError: The file is not a picture.
    """
    picture = fitted(read_bgr(path), PHOTOGRAPH)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    black, white = np.percentile(grey, (0.5, 99.5)) / 255
    too_dark = float((grey < DARK_BELOW * 255).mean()) > MAX_DARK
    if too_dark or not (MEANS[0] < grey.mean() / 255 < MEANS[1]) or black > MAX_BLACK or white < MIN_WHITE:
        return None
    low = max(black - CLEAR_BLACK / 2, 0.0) if black > CLEAR_BLACK else 0.0
    top = min(white / CLEAR_WHITE, 1.0)
    if low == 0 and top == 1:
        return picture
    stretched = (picture.astype(np.float32) / 255 - low) / (top - low)
    return np.asarray(np.rint(stretched.clip(0, 1) * 255), np.uint8)


def fitted(picture: BgrImage, size: Size) -> BgrImage:
    """Crop and scale a picture to size (rows, columns); of an upright one, the crop is nearer the top."""
    rows, columns = size
    factor = max(rows / picture.shape[0], columns / picture.shape[1])
    shape = (max(columns, round(picture.shape[1] * factor)), max(rows, round(picture.shape[0] * factor)))
    scaled = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    top, left = (scaled.shape[0] - rows) // 4, (scaled.shape[1] - columns) // 2
    return np.ascontiguousarray(scaled[top : top + rows, left : left + columns])


def _view(high: Path, max_mb: float, size: Size) -> tuple[bytes, bytes, bytes]:
    low = high.parent.parent / "low" / high.name
    depth = read_millimetres(high)
    if depth is None:
        raise UnreadableImageError(f"{high} has no depth map")
    small = cv2.resize(depth, (size[1] // DEPTH_STEP, size[0] // DEPTH_STEP), interpolation=cv2.INTER_AREA)
    pictures = (fitted(read_bgr(path), size) for path in (low, high))
    raw, ground_truth = (_jpeg(p, _quality(name, max_mb)) for p, name in zip(pictures, ("low", "high"), strict=True))
    return raw, ground_truth, cv2.imencode(".png", small)[1].tobytes()


def _quality(name: str, max_mb: float) -> int:
    return QUALITY[name] if max_mb >= 200 else QUALITY[name] - 10


def _jpeg(picture: BgrImage, quality: int) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", picture, options)[1].tobytes()


def _evenly(rows: list[T], share: float) -> list[T]:
    count = min(len(rows), max(1, int(len(rows) * share)))
    return [rows[int(i)] for i in np.linspace(0, len(rows) - 1, count)] if rows else []


def _write(out: Path, columns: dict[str, list[bytes]], facts: dict[str, Any]) -> None:
    tensors: dict[str, NDArray[Any]] = {}
    digest = hashlib.sha256()
    for name, blobs in columns.items():
        data = b"".join(blobs)
        digest.update(data)
        tensors[name] = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
        tensors[f"{name}.ends"] = np.cumsum([len(blob) for blob in blobs], dtype=np.int64)
    facts = facts | {"checksum": digest.hexdigest()[:16]}
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, safetensors.numpy.save(tensors, {FACTS: json.dumps(facts)}))


def _decoded(tensors: dict[str, NDArray[Any]], name: str) -> Iterator[NDArray[Any]]:
    start = 0
    for end in tensors[f"{name}.ends"].tolist():
        image = np.asarray(cv2.imdecode(tensors[name][start:end], cv2.IMREAD_UNCHANGED))
        yield image[:, :, ::-1] if image.ndim == 3 else image
        start = end


def _stacked(pictures: list[NDArray[Any]], shape: Size) -> Bytes:
    return np.stack(pictures) if pictures else np.zeros((0, *shape, 3), np.uint8)
