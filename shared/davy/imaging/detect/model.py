"""Run an ONNX detector on pictures."""

import hashlib
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from supervision import Detections

from davy.domain.errors import ConfigError, InvalidInputError, ModelError
from davy.domain.frame import BgrImage
from davy.imaging.detect.batches import Batches
from davy.imaging.detect.heads import Candidates, decode
from davy.imaging.detect.spec import DetectorSpec, Fit
from davy.imaging.onnx import onnxruntime

PAD = 114  # grey of a letterbox's margins
MULTIPLE = 32  # of an open input's sides: the coarsest stride of all four heads
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}


class Detector(Protocol):
    """Finds objects in a picture."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes it reports."""
        ...

    def detect(self, image: BgrImage) -> Detections:
        """Return boxes in px of the picture, scores, class ids, and names under data["class_name"], best first.

        Raises:
            ModelError: the network fails on this picture.
        """
        ...


class OnnxDetector:
    """An ONNX model with its description; threads may share it.

    Args:
        model: The ONNX file, or its content.
        spec: Input and output of the model.
        providers: Execution providers in order of preference, of PROVIDERS.
        threads: Of the CPU provider.
        batch: Pictures of several threads in one run, where the model's first axis is open; 1 runs each by itself.

    Raises:
        ConfigError: a provider is unknown, or this ONNX Runtime lacks it.
        ModelError: the file is missing, is no ONNX model, or has no picture as its input.
    """

    def __init__(
        self,
        model: Path | bytes,
        spec: DetectorSpec,
        providers: tuple[str, ...] = ("cpu",),
        threads: int = 1,
        batch: int = 1,
    ) -> None:
        content = model if isinstance(model, bytes) else _read(model)
        self.spec, self._path = spec, "detector" if isinstance(model, bytes) else str(model)
        self.providers, self.batch = providers, batch
        self.model = f"detector-{hashlib.sha256(content).hexdigest()[:8]}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # an idle thread must not burn a core
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(content, options, providers=_provider_names(providers))
        except ConfigError:
            raise
        except Exception as error:  # ONNX Runtime's own errors share no public base class
            raise ModelError(self._path, str(error).splitlines()[0][:200]) from error
        wanted = self._session.get_inputs()[0]
        shape = wanted.shape
        self._input, self._type = wanted.name, np.uint8 if wanted.type == "tensor(uint8)" else np.float32
        self._last = len(shape) == 4 and shape[3] == 3  # channels last
        if len(shape) != 4 or wanted.type not in ("tensor(float)", "tensor(uint8)") or not (self._last or shape[1] in (3, "3")):
            raise ModelError(self._path, f"input is {wanted.type} {shape}, expected float (N, 3, H, W)")
        self._fixed = [side if isinstance(side, int) else None for side in (shape[1:3] if self._last else shape[2:])]
        self._names = [output.name for output in self._session.get_outputs()]
        batches = batch > 1 and not isinstance(shape[0], int)
        self._run = Batches(self._infer, batch).run if batches else self._infer

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that it reports."""
        return self.spec.keep or self.spec.classes

    def detect(self, image: BgrImage) -> Detections:
        """Find objects; see Detector."""
        found = self.candidates(image)
        boxes = found.boxes
        names = np.array([self.spec.class_name(int(number)) for number in found.classes], dtype=np.str_)
        result = Detections(boxes, None, found.scores, found.classes, data={"class_name": names})
        solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]) & np.isfinite(boxes).all(axis=1)
        kept = result[solid & np.isin(names, self.spec.keep)] if self.spec.keep else result[solid]
        return kept.with_nms(self.spec.overlap) if isinstance(kept, Detections) else Detections.empty()

    def candidates(self, image: BgrImage, score: float | None = None) -> Candidates:
        """Return everything before suppression, with boxes in px of the picture, clipped to it.

        Args:
            image: The picture.
            score: Least score; None: that of the description.

        Raises:
            ModelError: the network fails on this picture.
        """
        size = self._size(image)
        canvas, scale, shift = _fitted(image, size, self.spec.fit)
        spec = self.spec if score is None else self.spec.model_copy(update={"score": score})
        try:
            outputs = dict(zip(self._names, self._run(self._tensor(canvas)), strict=True))
            found = decode(outputs, spec, size)
        except InvalidInputError as error:
            raise ModelError(self._path, str(error)) from error
        except Exception as error:  # as above
            raise ModelError(self._path, str(error).splitlines()[0][:200]) from error
        height, width = image.shape[:2]
        boxes = np.clip((found.boxes - np.tile(shift, 2)) / np.tile(scale, 2), 0, [width, height, width, height])
        return Candidates(boxes.astype(np.float32), found.scores, found.classes)

    def _infer(self, pictures: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        outputs: list[NDArray[np.generic]] = self._session.run(None, {self._input: pictures})
        return outputs

    def _size(self, image: BgrImage) -> tuple[int, int]:
        """Height and width of the input: open sides follow the picture's proportions."""
        longest = self.spec.side / max(image.shape[:2])
        open_sides = [max(MULTIPLE, -(-round(side * longest) // MULTIPLE) * MULTIPLE) for side in image.shape[:2]]
        height, width = (fixed or free for fixed, free in zip(self._fixed, open_sides, strict=True))
        return height, width

    def _tensor(self, canvas: BgrImage) -> NDArray[np.generic]:
        ordered = canvas[:, :, ::-1] if self.spec.rgb else canvas
        placed = ordered if self._last else ordered.transpose(2, 0, 1)
        if self._type is np.uint8:
            return np.ascontiguousarray(placed[None])
        shape = (1, 1, 3) if self._last else (3, 1, 1)
        mean, deviation = (np.array(each, np.float32).reshape(shape) for each in (self.spec.mean, self.spec.deviation))
        return np.ascontiguousarray((placed.astype(np.float32) - mean) / deviation)[None]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(str(path), f"cannot be read: {error.strerror}") from error


def _provider_names(providers: tuple[str, ...]) -> list[str]:
    available = onnxruntime.get_available_providers()
    for each in providers:
        if each not in PROVIDERS:
            raise ConfigError(f"execution provider {each!r}: choose of {', '.join(PROVIDERS)}")
        if PROVIDERS[each] not in available:
            here = [name for name, full in PROVIDERS.items() if full in available]
            raise ConfigError(f"execution provider {each!r}: the installed ONNX Runtime has {', '.join(here)} only")
    return [PROVIDERS[each] for each in providers]


def _fitted(image: BgrImage, size: tuple[int, int], fit: Fit) -> tuple[BgrImage, NDArray[np.float64], NDArray[np.float64]]:
    """The picture as the input, its scale (x, y) and its left and top there."""
    height, width = size
    scale = np.array([width / image.shape[1], height / image.shape[0]])
    if fit is Fit.LETTERBOX:
        scale[:] = scale.min()
    inner_size = (max(1, round(image.shape[1] * scale[0])), max(1, round(image.shape[0] * scale[1])))
    way = cv2.INTER_AREA if scale.min() < 1 else cv2.INTER_LINEAR
    inner = cv2.resize(image, inner_size, interpolation=way)
    canvas = np.full((height, width, 3), PAD, np.uint8)
    left, top = (width - inner.shape[1]) // 2, (height - inner.shape[0]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return canvas, scale, np.array([left, top], np.float64)
