"""The C kernels of this package, typed: the structures of picture.h, measure.c, maps.h and render.c. Calls release the GIL."""

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
PLANES, MAPS, SUMS, CELLS, MARGIN, LANES = 6, 9, 9, 17, 8, 16  # as in the kernels
TILE = 256  # columns, as render.c has it
FRACTION = 6  # bits below a level in what settles
BGR, YUV = 0, 1
WHITE_SHARE = 32767  # all of the way, as settle.h counts shares

_int, _long, _pointer = ctypes.c_int32, ctypes.c_int64, ctypes.c_void_p


class Picture(ctypes.Structure):
    """One picture's planes; it does not keep them alive."""

    _fields_ = [("format", _int), ("limited", _int), ("height", _int), ("width", _int)]
    _fields_ += [("bytes", _pointer * 3), ("stride", _long * 3)]


class Settled(ctypes.Structure):
    _fields_ = [("levels", _pointer * 3), ("pitch", _long)]
    _fields_ += [(name, _pointer) for name in ("usual", "gates", "moves")]
    _fields_ += [(name, _int) for name in ("block", "h", "w", "least", "fresh", "keep")]


class Blocks(ctypes.Structure):
    _fields_ = [("stats", _pointer), ("pitch", _long), ("block", _int), ("h", _int), ("w", _int)]
    _fields_ += [(name, _pointer) for name in ("columns", "sums", "line", "shares", "row")]


class Maps(ctypes.Structure):
    _fields_ = [("stats", _pointer), ("pitch", _long), ("h", _int), ("w", _int), ("rows", _int), ("columns", _int)]
    _fields_ += [(name, _pointer) for name in ("cells", "column", "weight", "wide", "fits", "room")]
    _fields_ += [("wide_row", _int * 2), ("fit_row", _int * 3)]


class Rendering(ctypes.Structure):
    _fields_ = [("maps", Maps)]
    _fields_ += [(name, _pointer) for name in ("first", "pick", "weight", "rows", "strips", "shifts", "chroma", "knots")]
    _fields_ += [("block", _int), ("strip_pitch", _int), ("kept", _int), ("row", _int * 2), ("done", _int)]


_STRUCTURES: dict[str, tuple[type[ctypes.Structure], ...]] = {
    "measure": (Picture, Settled, Blocks),
    "render": (Picture, Settled, Maps, Rendering),
    "thumbnail": (),
}


def library(stem: str) -> ctypes.CDLL:
    """The library of stem.c; raises as `load_kernels` does."""
    return load_kernels(Path(__file__).parent, stem, _STRUCTURES[stem])


@cache
def kernel(stem: str, name: str) -> Callable[..., None]:
    """The function davy_<name> of stem.c.

    Raises:
        KernelsMissingError: they were not compiled when Davy was installed.
    """
    function: ctypes._NamedFuncPointer = getattr(library(stem), f"davy_{name}")
    function.argtypes = _SIGNATURES[name]
    function.restype = None
    return function


@cache
def address(stem: str, name: str) -> int:
    """Where that function lies, for another kernel to call it."""
    function: Any = kernel(stem, name)
    return ctypes.cast(function, ctypes.c_void_p).value or 0


_SIGNATURES: "dict[str, list[type[ctypes._SimpleCData[Any]]]]" = {
    "motion": [_pointer, _pointer, _pointer, _int],
    "measure": [_pointer, _pointer, _pointer, _int, _int],
    "follow": [_pointer] * 6,
    "coarse": [_pointer] * 2,
    "thumbnail": [_pointer, _long, _int, _int, _pointer, _int, _int, _pointer, _pointer],
    "render": [_pointer, _pointer, _pointer, _pointer, _int, _int],
}


def block_size(height: int, width: int) -> int:
    """Side of a block in pixels, as davy.imaging.isp.blocks.block_size has it."""
    return max(1, min(height, width) // 240)
