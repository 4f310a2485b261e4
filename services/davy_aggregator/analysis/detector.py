"""Object detection by an ONNX model in one of the two YOLO export formats.

Input: one tensor (1, 3, H, W), float32 RGB in [0, 1], letterboxed with grey 114. A dynamic H or W becomes 640.
Output: the first tensor, in one of two shapes. YOLOv8 to 11 export (1, 4 + C, N): centre x, y, width, height in input pixels,
then one score per class. YOLOv5 and v7 export (1, N, 5 + C): an objectness before the class scores multiplies them. More rows
than columns mean the second shape. Boxes that overlap by more than 45 % count once.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import ModelError
from davy.domain.severity import Severity
from davy.imaging.onnx import onnxruntime
from davy_aggregator.analysis.base import Observation, Picture

Floats = NDArray[np.float32]
DEFAULT_SIDE = 640
MAX_OVERLAP = 0.45
MAX_CANDIDATES = 300


class DetectorModel:
    """The detection network, shared by all cameras.

    Raises:
        ModelError: the file is missing, is no ONNX model, or has other shapes than the module describes.
    """

    def __init__(self, path: Path, labels: Path | None, min_score: float) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            self._labels = labels.read_text(encoding="utf-8").split("\n") if labels else []
        except Exception as error:  # onnxruntime raises a dozen unrelated classes
            raise ModelError(str(path), str(error).splitlines()[0]) from error
        wanted = self._session.get_inputs()[0]
        if len(wanted.shape) != 4 or wanted.type != "tensor(float)":
            raise ModelError(str(path), f"input is {wanted.type} {wanted.shape}, expected float (1, 3, H, W)")
        self._input = wanted.name
        self._size = tuple(side if isinstance(side, int) else DEFAULT_SIDE for side in wanted.shape[2:])  # (H, W)
        self._path, self._min_score = path, min_score

    def detect(self, picture: Picture) -> list[tuple[str, float]]:
        """Return label and score of every detection, best first."""
        try:
            (output, *_) = self._session.run(None, {self._input: self._letterbox(picture)})
        except Exception as error:  # as above
            raise ModelError(str(self._path), str(error).splitlines()[0]) from error
        if output.ndim != 3 or min(output.shape[1:]) < 5:
            raise ModelError(str(self._path), f"output is {output.shape}, expected (1, 4 + C, N) or (1, N, 5 + C)")
        boxes, scores = _read(output[0])
        kinds, best = scores.argmax(1), scores.max(1)
        kept = np.flatnonzero(best >= self._min_score)
        kept = kept[np.argsort(-best[kept])][:MAX_CANDIDATES]
        return [(self._label(int(kinds[n])), float(best[n])) for n in _suppress(boxes, kinds, kept)]

    def _letterbox(self, picture: Picture) -> Floats:
        height, width = self._size
        scale = min(height / picture.bgr.shape[0], width / picture.bgr.shape[1])
        inner = cv2.resize(
            picture.bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
        canvas = np.full((height, width, 3), 114, np.uint8)
        top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
        canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
        return np.divide(canvas[:, :, ::-1].transpose(2, 0, 1)[None], 255, dtype=np.float32)

    def _label(self, kind: int) -> str:
        name = self._labels[kind].strip() if kind < len(self._labels) else ""
        return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50] or f"class-{kind}"


def _read(output: Floats) -> tuple[Floats, Floats]:
    """Return boxes (N, 4) and class scores (N, C) of either shape."""
    if output.shape[0] < output.shape[1]:  # (4 + C, N)
        return output[:4].T, output[4:].T
    return output[:, :4], output[:, 5:] * output[:, 4:5]


def _suppress(boxes: Floats, kinds: NDArray[np.intp], order: NDArray[np.intp]) -> list[int]:
    """Suppress all but the best of overlapping boxes of one class; order is best first."""
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    areas = np.prod(boxes[:, 2:], axis=1)
    kept: list[int] = []
    for n in order:
        sides = np.clip(np.minimum(high[n], high[kept]) - np.maximum(low[n], low[kept]), 0, None)
        shared = np.prod(sides, axis=1)
        overlap = shared / (areas[n] + areas[kept] - shared + 1e-9)
        if not np.any((overlap > MAX_OVERLAP) & (kinds[kept] == kinds[n])):
            kept.append(int(n))
    return kept


class Detector:
    """Detections of one camera: an observation for each label that was ever detected there."""

    name = "detector"

    def __init__(self, model: DetectorModel, every_s: float) -> None:
        self.every_s = every_s
        self._model = model
        self._known: set[str] = set()

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        found = self._model.detect(picture)
        counts = Counter(label for label, _ in found)
        best = dict(reversed(found))  # the first of a label is its best
        self._known.update(counts)
        return [
            Observation(
                f"detected-{label}",
                counts[label] > 0,
                Severity.INFO,
                f"{counts[label]} x {label} in view",
                f"no {label} in view any more",
                {"count": counts[label], "score": best.get(label, 0.0)},
            )
            for label in sorted(self._known)
        ]
