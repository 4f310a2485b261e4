"""Randomness that is a function of its arguments: the same seed, name and tick give the same number on any machine."""

import math
from zlib import crc32

import numpy as np

MASK = (1 << 64) - 1


def mixed(*parts: int | str) -> int:
    """64 well-mixed bits of the parts. Source: splitmix64, Steele et al. 2014."""
    state = 0x9E3779B97F4A7C15
    for part in parts:
        number = crc32(part.encode()) if isinstance(part, str) else part
        state = (state + (number & MASK) + 0x9E3779B97F4A7C15) & MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
        state ^= state >> 31
    return state


def chance(*parts: int | str) -> float:
    """Uniform in [0, 1)."""
    return mixed(*parts) / 2**64


def wander(t: float, *parts: int | str) -> float:
    """A smooth random function of t with features one unit long, in [-1, 1]."""
    step = math.floor(t)
    k = t - step
    k *= k * (3 - 2 * k)
    return (chance(*parts, step) * (1 - k) + chance(*parts, step + 1) * k) * 2 - 1


def generator(*parts: int | str) -> np.random.Generator:
    """A Generator for tables that are made once; not for anything that depends on time."""
    return np.random.Generator(np.random.PCG64(mixed(*parts)))
