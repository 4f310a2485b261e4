"""Lamps in the 2.5-D scene of a photograph with a depth map: inverse-square fall-off, beam shape, colour."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from davy.imaging.lowlight.exposure import FloatImage

PLANCK_C2_NM_K = 1.438777e7  # second radiation constant, nm K
RGB_NM = (611.0, 549.0, 464.0)  # dominant wavelengths of the sRGB primaries
WHITE_K = 6504.0  # D65: a lamp of this temperature is neutral

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Lamp:
    """A lamp in camera space: x right, y down, z into the picture, all in metres.

    Args:
        position: m.
        aim: Unit vector of the beam's axis.
        power: Irradiance at 1 m on the axis, in units of the photograph's white.
        temperature_k: Colour temperature, K.
        beam_exponent: The beam decreases as cos(angle)**beam_exponent; 0 is omnidirectional.
        radius_m: Radius of the lamp's glass, which bounds the fall-off at short distance.
        visible: Whether the lamp is in the picture, where its glass clips.
    """

    position: Vector
    aim: Vector
    power: float
    temperature_k: float
    beam_exponent: float
    radius_m: float
    visible: bool


def colour_of_temperature(temperature_k: float) -> FloatImage:
    """Return the linear RGB of a black body, shape (3,), with green 1; neutral at 6504 K.

    Source: Planck's law at the dominant wavelengths of the sRGB primaries.
    """
    wavelength = np.array(RGB_NM)

    def radiance(kelvin: float) -> NDArray[np.float64]:
        bodies: NDArray[np.float64] = 1.0 / np.expm1(PLANCK_C2_NM_K / (wavelength * kelvin))
        return bodies

    colour = radiance(temperature_k) / radiance(WHITE_K)
    normalised: FloatImage = (colour / colour[1]).astype(np.float32)
    return normalised


def unproject(depth: FloatImage) -> FloatImage:
    """Return camera-space points of a depth map, shape (H, W, 3), in m; the focal length is the picture's height."""
    height, width = depth.shape
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / height
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / height
    return np.dstack([x[None, :] * depth, y[:, None] * depth, depth])


def project(position: Vector, shape: tuple[int, int]) -> tuple[float, float]:
    """Return the position of a point in a picture of shape (H, W): (x, y) in pixels."""
    height, width = shape
    x, y, z = position
    return x / z * height + width / 2, y / z * height + height / 2


def irradiance(lamp: Lamp, points: FloatImage) -> FloatImage:
    """Return the light of one lamp on points (H, W, 3), shape (H, W), without its colour.

    Inverse-square fall-off, bounded by the radius of the glass, times cos(angle to the axis)**beam_exponent.
    """
    away = points - np.array(lamp.position, np.float32)
    square = np.einsum("hwc,hwc->hw", away, away) + np.float32(lamp.radius_m**2)
    cosine = np.clip(away @ np.array(lamp.aim, np.float32) / np.sqrt(square), 0, 1)
    beam = cosine ** np.float32(lamp.beam_exponent) if lamp.beam_exponent > 0 else np.float32(1)
    lit: FloatImage = np.float32(lamp.power) * beam / square
    return lit


def normals(points: FloatImage) -> FloatImage:
    """Return unit normals of the surface through points (H, W, 3), towards the camera; same shape."""
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    cross = np.cross(down, across)
    cross /= np.linalg.norm(cross, axis=2, keepdims=True) + np.float32(1e-9)
    outward: FloatImage = np.where((cross * points).sum(axis=2, keepdims=True) > 0, -cross, cross).astype(np.float32)
    return outward


def facing(lamp: Lamp, points: FloatImage, normals: FloatImage) -> FloatImage:
    """Return Lambert's cosine on surfaces with these normals, softened as by rough rock: (H, W), 0.1 to 1."""
    towards = np.array(lamp.position, np.float32) - points
    distance = np.sqrt(np.einsum("hwc,hwc->hw", towards, towards)) + np.float32(1e-3)
    cosine = np.clip(np.einsum("hwc,hwc->hw", towards, normals) / distance, 0, 1)
    soft: FloatImage = np.float32(0.1) + np.float32(0.9) * cosine
    return soft


def before_the_wall(lamp: Lamp, depth: FloatImage) -> Lamp:
    """Move a visible lamp that is behind depth (H, W) towards the camera, along its line of sight."""
    if not lamp.visible:
        return lamp
    x, y = project(lamp.position, depth.shape)
    row, column = (int(np.clip(at, 0, extent - 1)) for at, extent in zip((y, x), depth.shape, strict=True))
    share = min(0.92 * float(depth[row, column]) / lamp.position[2], 1.0)
    left, down, ahead = (share * axis for axis in lamp.position)
    return replace(lamp, position=(left, down, ahead), power=lamp.power * share)


def lamp_disc(lamp: Lamp, shape: tuple[int, int]) -> FloatImage:
    """Draw the lamp's bright disc in a picture of shape (H, W): 1 on the glass, soft at its edge; all 0 if not visible."""
    disc = np.zeros(shape, np.float32)
    if not lamp.visible or lamp.position[2] <= 0:
        return disc
    x, y = project(lamp.position, shape)
    radius = max(lamp.radius_m / lamp.position[2] * shape[0], 0.7)
    extent = int(radius * 3) + 2
    top, left = max(int(y) - extent, 0), max(int(x) - extent, 0)
    region = disc[top : max(int(y) + extent, 0), left : max(int(x) + extent, 0)]
    rows = np.arange(region.shape[0], dtype=np.float32)[:, None] + top - y
    columns = np.arange(region.shape[1], dtype=np.float32)[None, :] + left - x
    region[:] = np.exp(-(((rows**2 + columns**2) / radius**2) ** 2))
    return disc
