"""Typed bindings of the C kernels: the structures of picture.h, measure.c, maps.h and render.c. Calls release the GIL."""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davy.imaging.native import load_kernels

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
PLANES, MAPS, SUMS, GRID_CHANNELS, FINE_CHANNELS, MARGIN, LANES = 6, 9, 9, 17, 11, 8, 16  # equal to the kernels' constants
TILE = 256  # columns of a map tile, as in render.c
FRACTION = 6  # fractional bits of a denoised level
BGR, YUV = 0, 1
FULL_WEIGHT = 32767  # a blend weight of 1 in temporal_denoising.h

_int, _long, _pointer = ctypes.c_int32, ctypes.c_int64, ctypes.c_void_p


class Picture(ctypes.Structure):
    """The planes of one picture; it does not keep them alive."""

    _fields_ = [("format", _int), ("limited", _int), ("height", _int), ("width", _int)]
    _fields_ += [("bytes", _pointer * 3), ("stride", _long * 3)]


class DenoiserState(ctypes.Structure):
    _fields_ = [("levels", _pointer * 3), ("pitch", _long)]
    _fields_ += [(name, _pointer) for name in ("noise_floor", "motion_mask", "moving_rows")]
    _fields_ += [(name, _int) for name in ("block", "h", "w", "min_weight", "reset", "reuse")]


class Blocks(ctypes.Structure):
    _fields_ = [("stats", _pointer), ("pitch", _long), ("block", _int), ("h", _int), ("w", _int)]
    _fields_ += [(name, _pointer) for name in ("columns", "sums", "line", "blend_weights", "row")]


class Grid(ctypes.Structure):
    _fields_ = [(name, _pointer) for name in ("params", "column", "weight", "upsampled")]
    _fields_ += [("rows", _int), ("columns", _int), ("upsampled_row", _int * 2), ("one_vector", _int)]


class Maps(ctypes.Structure):
    _fields_ = [("stats", _pointer), ("pitch", _long), ("h", _int), ("w", _int), ("coarse", Grid), ("fine", Grid)]
    _fields_ += [(name, ctypes.c_float) for name in ("row_noise", "chroma_noise", "colourless", "colour")]
    _fields_ += [("fits", _pointer), ("buffer", _pointer), ("fit_row", _int * 3)]


class Rendering(ctypes.Structure):
    _fields_ = [("maps", Maps)]
    _fields_ += [
        (name, _pointer) for name in ("first", "pick", "weight", "rows", "map_tiles", "shifts", "chroma", "tone_curve")
    ]
    _fields_ += [("block", _int), ("map_tile_pitch", _int), ("cached_rows", _int), ("row", _int * 2), ("done", _int)]


_STRUCTURES: dict[str, tuple[type[ctypes.Structure], ...]] = {
    "measure": (Picture, DenoiserState, Blocks),
    "render": (Picture, DenoiserState, Maps, Rendering),
    "thumbnail": (),
}


_SIGNATURES: "dict[str, list[type[ctypes._SimpleCData[Any]]]]" = {
    "detect_motion": [_pointer, _pointer, _pointer, _int],
    "measure": [_pointer, _pointer, _pointer, _int, _int],
    "measure_and_render": [_pointer] * 6,
    "coarse_luma": [_pointer] * 2,
    "thumbnail": [_pointer, _long, _int, _int, _pointer, _int, _int, _pointer, _pointer],
    "render": [_pointer, _pointer, _pointer, _pointer, _int, _int],
}


def library(stem: str) -> ctypes.CDLL:
    """Load the library of stem.c; raises the errors of `load_kernels`."""
    return load_kernels(Path(__file__).parent, stem, _STRUCTURES[stem])


@cache
def kernel(stem: str, name: str) -> Callable[..., None]:
    """Find the function davy_<name> of stem.c.

    Raises:
        KernelsMissingError: the installation of Davy compiled no kernels.
    """
    function: ctypes._NamedFuncPointer = getattr(library(stem), f"davy_{name}")
    function.argtypes = _SIGNATURES[name]
    function.restype = None
    return function


@cache
def address(stem: str, name: str) -> int:
    """Address of the function, for calls from another kernel."""
    function: Any = kernel(stem, name)
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def block_size(height: int, width: int) -> int:
    """Side of a block in pixels, equal to davy.imaging.isp.blocks.block_size."""
    return max(1, min(height, width) // 240)
