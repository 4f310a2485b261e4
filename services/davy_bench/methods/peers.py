"""What Davy's speed is measured beside: the floors of touching pixels, CLAHE, and the fastest learned method that people run.

Each is built for one size and keeps its buffers, so that none is slower than it has to be. BGR (H, W, 3), uint8 in and out.
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
    """Every byte once, and nothing else: no method is faster."""
    out = np.empty((*shape, 3), np.uint8)

    def run(image: BgrImage) -> BgrImage:
        np.copyto(out, image)
        return out

    return run


def look_up(shape: tuple[int, int]) -> Peer:
    """cv2.LUT with one curve: the cheapest change of brightness there is."""
    out = np.empty((*shape, 3), np.uint8)
    table = np.rint(255 * (np.arange(256) / 255) ** (1 / DISPLAY_GAMMA)).astype(np.uint8)
    return lambda image: np.asarray(cv2.LUT(image, table, dst=out))


def clahe_lab(shape: tuple[int, int]) -> Peer:
    """CLAHE on L of LAB as `davy_bench.methods.baselines.clahe`, but into buffers that stay."""
    lab, out = np.empty((*shape, 3), np.uint8), np.empty((*shape, 3), np.uint8)
    light, evened = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    equaliser = cv2.createCLAHE(CLIP_LIMIT, (TILES, TILES))

    def run(image: BgrImage) -> BgrImage:
        cv2.cvtColor(image, cv2.COLOR_BGR2LAB, dst=lab)
        cv2.extractChannel(lab, 0, dst=light)
        equaliser.apply(light, dst=evened)
        cv2.insertChannel(evened, lab, 0)
        return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR, dst=out))

    return run


def zero_dce_onnxruntime(shape: tuple[int, int], threads: int) -> Peer:
    """Zero-DCE++ in ONNX Runtime; its threads do not spin when idle, as they would take the others' time here."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(zero_dce_graph(shape), options, providers=["CPUExecutionProvider"])
    return lambda image: np.asarray(session.run(None, {"image": image})[0])


def has_openvino() -> bool:
    return find_spec("openvino") is not None


def zero_dce_openvino(shape: tuple[int, int], threads: int) -> Peer:
    """Zero-DCE++ in OpenVINO, one stream, for latency; number formats as OpenVINO chooses them for this processor."""
    settings = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads)}
    core = _openvino()
    compiled = core.compile_model(core.read_model(model=zero_dce_graph(shape)), "CPU", settings)
    request = compiled.create_infer_request()
    return lambda image: np.asarray(request.infer([image], share_inputs=True, share_outputs=True)[0])


@cache
def _openvino() -> "Core":
    """One for the process, never given back: a CPU plug-in that goes takes the main thread's signal stack with it, and the
    next signal would end the process (OpenVINO 2026.4)."""
    from openvino import Core

    return Core()
