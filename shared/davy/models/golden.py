"""Golden vectors: small pictures with the output of the maker's machine.

A machine with different output refuses the model, for any reason: a damaged runtime, another layout, changed arithmetic.
"""

import io

import numpy as np

from davy.domain.errors import DavyError, ModelRefusedError
from davy.domain.frame import BgrImage
from davy.imaging.runtime import StillEnhancer
from davy.models.manifest import Golden
from davy.models.refusal import Cause

SIZE = (96, 64)  # width, height: small, but with blocks, borders and every cell of the network
COUNT = 3
MAX_BYTES = 128 * 1024
MAX_HEADER_BYTES = 512
MEAN, MOST = 4.0, 96  # of 255: tolerance for other processors and later arithmetic; a wrong graph differs by 10 or more


def golden_names(count: int) -> list[tuple[str, str]]:
    """Input and output names."""
    return [(f"golden-{index}-input.npy", f"golden-{index}-output.npy") for index in range(count)]


def make_inputs() -> list[BgrImage]:
    """Fixed inputs: a dark roadway with a lamp, a bright even wall, and noise."""
    width, height = SIZE
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    lamp = np.exp(-((columns - 70) ** 2 + (rows - 18) ** 2) / 300)
    texture = 0.5 + 0.5 * np.sin(columns / 5) * np.cos(rows / 7)
    dark = 6 + 26 * texture + 230 * lamp
    wall = 120 + 80 * texture
    noise = np.random.default_rng(7).normal(40, 18, (height, width))
    tint = np.array([0.8, 0.95, 1.0])  # sodium light
    return [np.clip(plane[..., None] * tint, 0, 255).round().astype(np.uint8) for plane in (dark, wall, noise)]


def make_golden(onnx: bytes) -> tuple[Golden, dict[str, bytes]]:
    """Run the model here and record its output.

    Raises:
        ModelError: the model does not run here.
    """
    still = StillEnhancer(onnx)
    files = {}
    for (given, expected), picture in zip(golden_names(COUNT), make_inputs(), strict=True):
        files[given], files[expected] = to_npy(picture), to_npy(still.enhance(picture))
    return Golden(count=COUNT, mean=MEAN, most=MOST), files


def check_golden(golden: Golden, files: dict[str, bytes], still: StillEnhancer) -> float:
    """Run the golden vectors and return the largest mean difference in units of 1/255.

    Raises:
        ModelRefusedError: a file is no picture, or the output differs by more than the manifest allows.
    """
    worst = 0.0
    for given, expected in golden_names(golden.count):
        picture, wanted = from_npy(given, files[given]), from_npy(expected, files[expected])
        try:
            difference = np.abs(still.enhance(picture).astype(np.int16) - wanted.astype(np.int16))
        except (DavyError, ValueError) as error:
            raise ModelRefusedError(Cause.GOLDEN, f"{given}: {error}") from error
        mean, most = float(difference.mean()), int(difference.max())
        if mean > golden.mean or most > golden.most:
            raise ModelRefusedError(
                Cause.GOLDEN,
                f"{expected}: differs by {mean:.2f} in the mean and {most} at most, of 255;"
                f" {golden.mean:g} and {golden.most} are allowed",
            )
        worst = max(worst, mean)
    return worst


def to_npy(picture: BgrImage) -> bytes:
    """Write a picture (H, W, 3) uint8 as a NumPy file."""
    out = io.BytesIO()
    np.lib.format.write_array(out, np.ascontiguousarray(picture), version=(1, 0), allow_pickle=False)
    return out.getvalue()


def from_npy(name: str, data: bytes) -> BgrImage:
    """Parse a picture (H, W, 3) uint8; it bounds the header before allocating memory.

    Raises:
        ModelRefusedError: the file holds none.
    """
    try:
        file = io.BytesIO(data)
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("another version of the format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=MAX_HEADER_BYTES)
        header = file.tell()
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ModelRefusedError(Cause.HUGE_HEADER, f"{name}: {str(error)[:200]}") from error
    wrong = dtype != np.uint8 or fortran or len(shape) != 3 or shape[2] != 3
    if wrong or not all(16 <= side <= 4096 for side in shape[:2]) or len(data) - header != shape[0] * shape[1] * 3:
        raise ModelRefusedError(Cause.SCHEMA, f"{name}: no picture (H, W, 3) of bytes: {shape} {dtype}")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
