"""The ISP-CNN's network in ONNX Runtime."""

import hashlib
from pathlib import Path

import numpy as np

from davy.domain.errors import ModelError
from davy.imaging.onnx import onnxruntime as ort
from davy.imaging.runtime.kernels import Floats
from davy.imaging.runtime.parameters import FINE_SIZE, GLOBAL_SIZE, RAW_CELL_SIZE, WHOLE_SIZE, Parameters
from davy.imaging.runtime.scene import colour_evidence, local_luma

MAX_MODEL_BYTES = 16 * 2**20  # the shipped one is far below; a file beyond this is something else
THUMB_CHANNELS = 4
OUTPUTS = ["whole", "cells", "fine"]  # networks of 0.1.0 lack the last
MIN_SIDE, MAX_SIDE = 2, 256  # of a map; the kernels interpolate between two cells


class Network:
    """One ONNX graph, thumbnail in, parameters out; safe to call from several threads.

    Args:
        source: A file, or the bytes of one: what was verified is then what runs, whatever happens to the file meanwhile.

    Raises:
        ModelError: the file is missing, is no ONNX, or is the graph of something else.
    """

    def __init__(self, source: Path | bytes, threads: int = 1) -> None:
        path = source if isinstance(source, Path) else "in memory"
        data = _read(source)
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
        outputs = [output.name for output in self._session.get_outputs()]
        if len(shape) != 4 or shape[1] != THUMB_CHANNELS or outputs not in (OUTPUTS, OUTPUTS[:2]):
            raise ModelError(str(path), f"is no ISP-CNN: input {shape}, outputs {outputs}")
        self.thumb_shape = (THUMB_CHANNELS, int(shape[2]), int(shape[3]))
        self.id = f"ispcnn-{hashlib.sha256(data).hexdigest()[:8]}"
        self._shapes: list[tuple[int, ...]] = []
        found = self._run(np.full(self.thumb_shape, 0.1, np.float32))  # its memory is there before the first frame
        self._shapes = [output.shape for output in found]

    def __call__(self, thumb: Floats) -> Parameters:
        """Parameters for a thumbnail of thumb_shape, see davy.imaging.nets.ispcnn.thumbnail.

        Raises:
            ModelError: the graph fails on this picture, or gives numbers that are not finite: pixels made of them are noise.
        """
        outputs = self._run(thumb)
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelError(self.id, "gives numbers that are not finite")
        whole, cells, *fine = outputs
        around = local_luma(thumb, cells.shape[1], cells.shape[2])
        return Parameters.from_raw(whole, cells, fine[0] if fine else None, colour_evidence(thumb), around)

    def _run(self, thumb: Floats) -> list[Floats]:
        """The graph's outputs, of a layout that the kernels read and always the same one."""
        try:
            outputs = self._session.run(None, {self._session.get_inputs()[0].name: thumb[None]})
        except Exception as error:  # ONNX Runtime's own errors share no public base class
            raise ModelError(self.id, f"fails on a picture: {str(error)[:200]}") from error
        found = [np.ascontiguousarray(output[0], np.float32) for output in outputs]
        shapes = [output.shape for output in found]
        if not _known_layout(shapes) or (self._shapes and shapes != self._shapes):
            raise ModelError(self.id, f"is an ISP-CNN of another layout: {', '.join(map(str, shapes))}")
        return found


def _known_layout(shapes: list[tuple[int, ...]]) -> bool:
    whole, *maps = shapes
    sizes = (RAW_CELL_SIZE, FINE_SIZE)
    return whole in ((WHOLE_SIZE,), (GLOBAL_SIZE,)) and all(
        len(shape) == 3 and shape[0] == size and all(MIN_SIDE <= side <= MAX_SIDE for side in shape[1:])
        for shape, size in zip(maps, sizes, strict=False)
    )


def _read(source: Path | bytes) -> bytes:
    """The bytes of a model; none where it is too large to be one."""
    if isinstance(source, bytes):
        return source if len(source) <= MAX_MODEL_BYTES else b""
    try:
        return source.read_bytes() if source.stat().st_size <= MAX_MODEL_BYTES else b""
    except OSError as error:
        raise ModelError(str(source), f"cannot be read: {error}") from error
