"""The ISP-CNN's network in ONNX Runtime."""

import hashlib
from pathlib import Path

import numpy as np

from davy.domain.errors import ModelError
from davy.imaging.graph import OUTPUTS, output_name
from davy.imaging.onnx import onnxruntime as ort
from davy.imaging.runtime.kernels import Floats
from davy.imaging.runtime.parameters import COLOUR_TONE_SIZE, FINE_SIZE, GLOBAL_SIZE, RAW_CELL_SIZE, Parameters
from davy.imaging.runtime.scene import colour_evidence, local_luma

MAX_MODEL_BYTES = 16 * 2**20  # the shipped one is far below; a file beyond this is something else
THUMB_CHANNELS = 4
MIN_SIDE, MAX_SIDE = 2, 256  # cells of a map; the kernels interpolate between two


class Network:
    """One ONNX graph from thumbnail to parameters; safe to call from several threads.

    Args:
        source: A file, or its bytes: verified bytes then run even if the file changes.

    Raises:
        ModelError: the file is missing, is no ONNX model, or holds another graph.
    """

    def __init__(self, source: Path | bytes, threads: int = 1) -> None:
        path = source if isinstance(source, Path) else "in memory"
        self.data = data = _read(source)  # a file may change, and another process needs the same
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # an idle thread must not burn a core
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own errors share no public base class
            raise ModelError(str(path), f"is no ONNX model that runs here: {str(error)[:200]}") from error
        shape = self._session.get_inputs()[0].shape
        outputs = tuple(output_name(output.name) for output in self._session.get_outputs())
        if len(shape) != 4 or shape[1] != THUMB_CHANNELS or outputs not in (OUTPUTS, OUTPUTS[:2]):
            raise ModelError(str(path), f"is no ISP-CNN: input {shape}, outputs {', '.join(outputs)}")
        self.thumb_shape = (THUMB_CHANNELS, int(shape[2]), int(shape[3]))
        self.id = f"ispcnn-{hashlib.sha256(data).hexdigest()[:8]}"
        self._shapes: list[tuple[int, ...]] = []
        found = self._run(np.full(self.thumb_shape, 0.1, np.float32))  # allocates its memory before the first frame
        self._shapes = [output.shape for output in found]

    def __call__(self, thumb: Floats) -> Parameters:
        """Predict parameters from a thumbnail of thumb_shape, see davy.imaging.nets.ispcnn.thumbnail.

        Raises:
            ModelError: the graph fails on this picture, or returns numbers that are not finite.
        """
        outputs = self._run(thumb)
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelError(self.id, "returns numbers that are not finite")
        global_params, grid_params, *fine = outputs
        luma = local_luma(thumb, *grid_params.shape[1:])
        return Parameters.from_raw(global_params, grid_params, fine[0] if fine else None, colour_evidence(thumb), luma)

    def _run(self, thumb: Floats) -> list[Floats]:
        """Run the graph; its outputs have a layout that the kernels read, the same for every picture."""
        try:
            outputs = self._session.run(None, {self._session.get_inputs()[0].name: thumb[None]})
        except Exception as error:  # ONNX Runtime's own errors share no public base class
            raise ModelError(self.id, f"fails on a picture: {str(error)[:200]}") from error
        found = [np.ascontiguousarray(output[0], np.float32) for output in outputs]
        shapes = [output.shape for output in found]
        if not _known_layout(shapes) or (self._shapes and shapes != self._shapes):
            raise ModelError(self.id, f"is an ISP-CNN with an unsupported layout: {', '.join(map(str, shapes))}")
        return found


def _known_layout(shapes: list[tuple[int, ...]]) -> bool:
    global_params, *maps = shapes
    sizes = (RAW_CELL_SIZE, FINE_SIZE)
    return global_params in ((COLOUR_TONE_SIZE,), (GLOBAL_SIZE,)) and all(
        len(shape) == 3 and shape[0] == size and all(MIN_SIDE <= side <= MAX_SIDE for side in shape[1:])
        for shape, size in zip(maps, sizes, strict=False)
    )


def _read(source: Path | bytes) -> bytes:
    """Read a model; return no bytes if the file exceeds MAX_MODEL_BYTES."""
    if isinstance(source, bytes):
        return source if len(source) <= MAX_MODEL_BYTES else b""
    try:
        return source.read_bytes() if source.stat().st_size <= MAX_MODEL_BYTES else b""
    except OSError as error:
        raise ModelError(str(source), f"cannot be read: {error}") from error
