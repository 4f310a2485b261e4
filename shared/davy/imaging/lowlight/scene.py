"""Draw a random 2.5-D mine: the depth of a roadway, and its lamps."""

import math

import cv2
import numpy as np

from davy.imaging.lowlight.exposure import FloatImage
from davy.imaging.lowlight.lamp import Lamp, Vector
from davy.imaging.lowlight.recipe import MineRecipe, Range


def uniform(rng: np.random.Generator, ends: Range) -> float:
    """Draw a uniform value."""
    return float(rng.uniform(*ends))


def log_uniform(rng: np.random.Generator, ends: Range) -> float:
    """Draw a value that is uniform in the logarithm."""
    return float(math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1]))))


def pseudo_depth(grey: FloatImage, recipe: MineRecipe, rng: np.random.Generator) -> FloatImage:
    """Draw a depth in m for a photograph (H, W): near at the border, far at a vanishing point, nearer if bright.

    Photographs have no depth; lamps only need one that varies smoothly and follows the large shapes.
    """
    height, width = grey.shape
    near, far = uniform(rng, recipe.near_m), uniform(rng, recipe.far_m)
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :] - np.float32(rng.uniform(0.3, 0.7))
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None] - np.float32(rng.uniform(0.3, 0.6))
    off_axis = np.maximum(np.abs(x) * 2, np.abs(y) * 2) ** np.float32(0.8)
    shapes = cv2.GaussianBlur(grey, (0, 0), height / 24)
    bumps = cv2.resize(rng.standard_normal((5, 7), dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    nearness = np.clip(off_axis + 0.35 * (shapes - shapes.mean()) + 0.12 * bumps, 0.02, 1)
    depth: FloatImage = 1 / (nearness / near + (1 - nearness) / far)
    return depth


def draw_lamps(recipe: MineRecipe, aspect: float, rng: np.random.Generator) -> list[Lamp]:
    """Draw one to three lamps; the first is the brightest."""
    count = int(rng.integers(recipe.lamps[0], recipe.lamps[1] + 1))
    head = rng.random() < recipe.head_lamp_share
    lamps = [_head_lamp(recipe, rng) if head and index == 0 else _hanging_lamp(recipe, aspect, rng) for index in range(count)]
    return [lamps[0]] + [_dimmed(lamp, log_uniform(rng, recipe.power_ratio)) for lamp in lamps[1:]]


def _hanging_lamp(recipe: MineRecipe, aspect: float, rng: np.random.Generator) -> Lamp:
    z = log_uniform(rng, recipe.lamp_m)
    x, y = rng.uniform(-0.55, 0.55) * aspect * z, rng.uniform(-0.5, 0.15) * z
    return Lamp(
        position=(float(x), float(y), z),
        aim=_unit((0.0, 1.0, float(rng.uniform(-0.5, 0.5)))),
        power=10.0 * z,  # a farther lamp is stronger, so that it has an effect
        temperature_k=uniform(rng, recipe.temperature_k),
        beam_exponent=uniform(rng, recipe.flood_exponent) if rng.random() < 0.5 else 0.0,
        radius_m=uniform(rng, recipe.radius_m),
        visible=True,
    )


def _head_lamp(recipe: MineRecipe, rng: np.random.Generator) -> Lamp:
    side, down = rng.uniform(-0.3, 0.3), rng.uniform(-0.1, 0.45)
    return Lamp(
        position=(float(rng.uniform(-0.4, 0.4)), float(rng.uniform(-0.3, 0.3)), 0.0),
        aim=_unit((float(side), float(down), 1.0)),
        power=30.0,
        temperature_k=uniform(rng, recipe.temperature_k),
        beam_exponent=log_uniform(rng, recipe.spot_exponent),
        radius_m=0.5,
        visible=False,
    )


def _dimmed(lamp: Lamp, factor: float) -> Lamp:
    return Lamp(
        lamp.position, lamp.aim, lamp.power * factor, lamp.temperature_k, lamp.beam_exponent, lamp.radius_m, lamp.visible
    )


def _unit(vector: Vector) -> Vector:
    x, y, z = vector
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length
