"""The fixed lamps: their colour, their moods in time, and the light they throw on what does not move."""

import math

import numpy as np

from davy.imaging.lowlight.lamp import colour_of_temperature
from davy_simulator.chance import chance, wander
from davy_simulator.kernels import Floats, Light
from davy_simulator.places import Behaviour, FixedLamp, Place

FAILURE_S = 9.0  # a failing lamp throws its dice this often
FAILURE_SHARE = 0.4  # of those times it is out
LENS_GLARE = 0.0012  # of a visible lamp at 1 m: glare of dust on the lens glass
GLOW = 7.0  # light of a lamp's glass per unit of white, before exposure: far over the clip


def light_of(lamp: FixedLamp, factor: float = 1.0) -> Light:
    """The lamp as the kernels know it, its power times factor."""
    aim = np.array(lamp.aim, np.float64)
    red, green, blue = colour_of_temperature(lamp.temperature_k).tolist()
    return Light(
        position=lamp.position,
        aim=tuple((aim / math.sqrt(float(aim @ aim))).tolist()),
        colour=(blue, green, red),
        power=lamp.power * factor,
        spread=lamp.spread,
    )


def factor_of(place: Place, index: int, t_s: float, seed: int) -> float:
    """How bright lamp `index` is at t_s, in [0, 1]."""
    key = (seed, place.name, "lamp", index)
    behaviour = place.lamps[index].behaviour
    if behaviour is Behaviour.STEADY:
        return 1.0
    if behaviour is Behaviour.FLICKERS:
        return _stutter(t_s, 0.25 if wander(t_s / 3.0, *key, "mood") > 0.1 else 0.02, *key)
    window = math.floor(t_s / FAILURE_S)
    if chance(*key, "out", window) < FAILURE_SHARE:
        since = t_s - window * FAILURE_S
        return _stutter(t_s, 0.6, *key) * max(1 - since / 0.8, 0.0) if since < 0.8 else 0.0
    return _stutter(t_s, 0.05, *key)


def _stutter(t_s: float, dip_share: float, *key: int | str) -> float:
    """Mostly 1, in dips of a twelfth of a second 0.15 to 0.7."""
    tick = math.floor(t_s * 12)
    if chance(*key, "dip", tick) >= dip_share:
        return 1.0
    return 0.15 + 0.55 * chance(*key, "depth", tick)


def varying(place: Place) -> list[int]:
    """Indices of the lamps whose light changes."""
    return [index for index, lamp in enumerate(place.lamps) if lamp.behaviour is not Behaviour.STEADY]


def scattered(lamp: FixedLamp, origin: Floats, rays: Floats, depth: Floats, extinction_per_m: float) -> Floats:
    """Light of one lamp that dust and a dirty lens scatter along rays (h, w, 3), as (h, w) without colour.

    Source: the integral of isotropic single scattering, power * extinction / (4 d) * (atan(a / d) + atan(b / d)), with d the
    distance of the ray from the lamp, and a, b the ray's length before and behind its nearest point.
    """
    eye = np.array(lamp.position, np.float32) - origin
    nearest = rays @ eye
    offset = np.sqrt(np.maximum(float(eye @ eye) - nearest**2, 0.01))
    angles = np.arctan((depth - nearest) / offset) + np.arctan(nearest / offset)
    glow = lamp.power * extinction_per_m / 4 * np.maximum(angles, 0) / offset
    glare = lamp.power * LENS_GLARE / (offset**2 + 0.01) * (nearest < depth)
    if lamp.spread > 0:
        aim = np.array(lamp.aim, np.float32) / np.float32(math.sqrt(sum(x * x for x in lamp.aim)))
        towards = np.maximum(-(eye @ aim) / math.sqrt(float(eye @ eye)), 0.0)
        glow *= 0.12 + float(towards) ** lamp.spread  # a beam that points away scatters far less
    return np.asarray(glow + glare, np.float32)
