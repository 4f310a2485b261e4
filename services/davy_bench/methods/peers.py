"""Methods for the comparison of speed: a copy and a lookup table as lower bounds, CLAHE, and a fast learned method.

Each is built for one picture size and reuses its buffers. BGR (H, W, 3), uint8.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import cv2
import numpy as np

from davy.domain.frame import BgrImage
from davy.imaging.onnx import onnxruntime as ort
from davy_bench.methods.baselines import CLIP_LIMIT, DISPLAY_GAMMA, TILES
from davy_bench.methods.zero_dce import zero_dce_graph

if TYPE_CHECKING:
    from openvino import Core

Peer = Callable[[BgrImage], BgrImage]


def copy(shape: tuple[int, int]) -> Peer:
    """Copy every byte: the lower bound of all methods."""
    out = np.empty((*shape, 3), np.uint8)

    def run(image: BgrImage) -> BgrImage:
        np.copyto(out, image)
        return out

    return run


def lookup_table(shape: tuple[int, int]) -> Peer:
    """Apply one curve by cv2.LUT: the cheapest change of brightness."""
    out = np.empty((*shape, 3), np.uint8)
    table = np.rint(255 * (np.arange(256) / 255) ** (1 / DISPLAY_GAMMA)).astype(np.uint8)
    return lambda image: np.asarray(cv2.LUT(image, table, dst=out))


def clahe_lab(shape: tuple[int, int]) -> Peer:
    """Apply CLAHE to L of LAB like `davy_bench.methods.baselines.clahe`, with reused buffers."""
    lab, out = np.empty((*shape, 3), np.uint8), np.empty((*shape, 3), np.uint8)
    light, equalised = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    equaliser = cv2.createCLAHE(CLIP_LIMIT, (TILES, TILES))

    def run(image: BgrImage) -> BgrImage:
        cv2.cvtColor(image, cv2.COLOR_BGR2LAB, dst=lab)
        cv2.extractChannel(lab, 0, dst=light)
        equaliser.apply(light, dst=equalised)
        cv2.insertChannel(equalised, lab, 0)
        return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR, dst=out))

    return run


def zero_dce_onnxruntime(shape: tuple[int, int], threads: int) -> Peer:
    """Run Zero-DCE++ in ONNX Runtime. Its idle threads do not spin, as they would slow down other methods."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(zero_dce_graph(shape), options, providers=["CPUExecutionProvider"])
    return lambda image: np.asarray(session.run(None, {"image": image})[0])


def has_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return find_spec("openvino") is not None


def zero_dce_openvino(shape: tuple[int, int], threads: int) -> Peer:
    """Run Zero-DCE++ in OpenVINO with one stream for latency, and OpenVINO's choice of number formats."""
    settings = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads)}
    core = _openvino()
    compiled = core.compile_model(core.read_model(model=zero_dce_graph(shape)), "CPU", settings)
    request = compiled.create_infer_request()
    return lambda image: np.asarray(request.infer([image], share_inputs=True, share_outputs=True)[0])


@cache
def _openvino() -> "Core":
    """A single instance that lives as long as the process.

    Unloading the CPU plug-in frees the signal stack of the main thread, and the next signal ends the process
    (OpenVINO 2026.4).
    """
    from openvino import Core

    return Core()
