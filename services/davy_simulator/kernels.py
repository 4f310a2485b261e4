"""Typed bindings of the C kernels: the structures of vectors.h and of each source, arrays as pointers."""

import ctypes
from collections.abc import Callable
from ctypes import POINTER, c_float, c_int, c_uint8, c_uint32, c_void_p
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from davy.imaging.native import load_kernels

MAX_LAMPS = 8
MAX_VARYING = 4
Floats = NDArray[np.float32]
Pointer = object
"""An array's address as ctypes passes it."""


class Scene(ctypes.Structure):
    _fields_ = (
        ("place", c_int),
        ("lamps", c_int),
        ("lamp", (c_float * 3) * MAX_LAMPS),
        ("noise", c_void_p),
        ("origin", c_float * 3),
        ("right", c_float * 3),
        ("up", c_float * 3),
        ("forward", c_float * 3),
        ("focal", c_float),
        ("centre_x", c_float),
        ("centre_y", c_float),
        ("width", c_int),
        ("height", c_int),
    )


class Light(ctypes.Structure):
    _fields_ = (
        ("position", c_float * 3),
        ("aim", c_float * 3),
        ("colour", c_float * 3),
        ("power", c_float),
        ("spread", c_float),
    )


class Surface(ctypes.Structure):
    _fields_ = (
        ("depth", c_void_p),
        ("normal", c_void_p),
        ("albedo", c_void_p),
        ("gloss", c_void_p),
        ("material", c_void_p),
        ("openness", c_void_p),
        ("visibility", c_void_p),
        ("extinction", c_float),
        ("bounce", c_float),
    )


class Coarse(ctypes.Structure):
    _fields_ = (
        ("count", c_int),
        *((name, c_void_p) for name in ("x", "y", "z", "nx", "ny", "nz", "rx", "ry", "rz", "depth", "passed")),
    )


class Body(ctypes.Structure):
    _fields_ = (
        ("a", c_float * 3),
        ("b", c_float * 3),
        ("radius", c_float),
        ("colour", c_float * 3),
        ("stripe_from", c_float),
        ("stripe_to", c_float),
        ("glow", c_float),
    )


class Canvas(ctypes.Structure):
    _fields_ = (("depth", c_void_p), ("nearest", c_void_p), ("radiance", c_void_p), ("box", c_int * 4))


class Frame(ctypes.Structure):
    _fields_ = (
        ("width", c_int),
        ("height", c_int),
        ("padded", c_int),
        ("shift_x", c_int),
        ("shift_y", c_int),
        ("seed", c_uint32),
        ("varying", c_int),
        ("base", c_void_p),
        ("vary", c_void_p * MAX_VARYING),
        ("factor", c_float * MAX_VARYING),
        ("unit", c_float),
        ("albedo", c_void_p),
        ("lit", c_void_p),
        ("air", c_void_p),
        ("columns", c_int),
        ("nearest", c_void_p),
        ("radiance", c_void_p),
        ("box", c_int * 4),
        ("far", c_float),
        ("belt", c_void_p),
        ("belt_level", c_void_p),
        ("texture", c_void_p * 3),
        ("belt_offset", c_int),
        ("belt_top", c_int),
        ("motes", c_int),
        ("mote", c_void_p),
        ("shot", c_float),
        ("read", c_float),
        ("row_noise", c_float),
        ("gain", c_float * 3),
        ("floor", c_float * 3),
        ("noise", c_void_p),
        ("noise_pixels", c_int),
        ("out", c_void_p),
    )


_F, _U8 = POINTER(c_float), POINTER(c_uint8)
SIGNATURES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "gbuffer": ("scene", (POINTER(Scene), c_int, c_int, _F, _F, _F, _F, _U8)),
    "visibility": ("scene", (POINTER(Scene), c_int, c_int, c_int, _F, _F, _F, _F)),
    "lamp": ("light", (POINTER(Scene), POINTER(Surface), POINTER(Light), c_float, _F)),
    "even": ("light", (POINTER(Scene), POINTER(Surface), _F)),
    "moving_light": ("light", (POINTER(Scene), POINTER(Coarse), POINTER(Light), c_int, c_float, _F, _F)),
    "bodies": (
        "bodies",
        (POINTER(Scene), POINTER(Body), c_int, POINTER(Light), c_int, c_float, c_float, c_int, POINTER(Canvas)),
    ),
    "compose": ("compose", (POINTER(Frame),)),
}

STRUCTURES: dict[str, tuple[type[ctypes.Structure], ...]] = {
    "scene": (Scene,),
    "light": (Scene, Surface, Light, Coarse),
    "bodies": (Scene, Body, Light, Canvas),
    "compose": (Frame,),
}


@cache
def kernel(name: str) -> Callable[..., None]:
    """The C function davy_<name>; it releases the interpreter lock while it runs.

    Raises:
        KernelsMissingError: the installation of Davy compiled no kernels.
    """
    stem, arguments = SIGNATURES[name]
    function = getattr(load_kernels(Path(__file__).parent, stem, STRUCTURES[stem]), f"davy_{name}")
    function.argtypes, function.restype = arguments, None
    return cast(Callable[..., None], function)


def floats(array: Floats) -> Pointer:
    """Pointer to a float32 array; the caller keeps the array alive."""
    return array.ctypes.data_as(_F)


def octets(array: NDArray[np.uint8]) -> Pointer:
    """Pointer to a uint8 array; the caller keeps the array alive."""
    return array.ctypes.data_as(_U8)
