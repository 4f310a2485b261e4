"""Variants of the four places for training: other lamps, air, camera positions and exposures."""

import math
from dataclasses import replace

import numpy as np

from davy_simulator.chance import generator
from davy_simulator.places import Behaviour, FixedLamp, Place, Point, Walk

LAMP_SHIFT_M = (0.5, 0.15, 2.5)  # across, up, along: a lamp may end behind rock, as some do
CAMERA_SHIFT_M = (0.3, 0.25, 1.5)  # up and along only as far as every place is open
LOOK_SHIFT_M = (0.8, 0.5, 1.0)
KELVIN = (2600.0, 6500.0)
POWER_STOPS = (-1.5, 1.0)
EXTINCTION_PER_M = (0.003, 0.07)  # logarithmic: from washed air to a cutting face
DISPLAY_MEAN = (0.06, 0.26)
OUT_SHARE = 0.15  # of lamps that do not burn
LATEST_START_S = 40.0  # of a miner's walk


def varied(place: Place, seed: int) -> Place:
    """The place as another mine may have it; the same seed gives the same place.

    Args:
        place: Its shape of rock and its name stay.
        seed: Of everything that is drawn.
    """
    rng = generator(seed, place.name, "variety")
    lamps = tuple(_lamp(lamp, rng, always=index == 0) for index, lamp in enumerate(place.lamps))
    return replace(
        place,
        camera=_moved(place.camera, CAMERA_SHIFT_M, rng),
        looks_at=_moved(place.looks_at, LOOK_SHIFT_M, rng),
        lamps=lamps,
        walks=tuple(_walk(walk, rng) for walk in place.walks),
        extinction_per_m=math.exp(rng.uniform(*np.log(EXTINCTION_PER_M))),
        display_mean=float(rng.uniform(*DISPLAY_MEAN)),
        belt_speed_m_s=place.belt_speed_m_s * float(rng.uniform(0.5, 1.5)),
    )


def _lamp(lamp: FixedLamp, rng: np.random.Generator, always: bool) -> FixedLamp:
    burns = always or rng.random() >= OUT_SHARE
    return replace(
        lamp,
        position=_moved(lamp.position, LAMP_SHIFT_M, rng),
        power=lamp.power * float(2 ** rng.uniform(*POWER_STOPS)) if burns else 0.0,
        temperature_k=float(rng.uniform(*KELVIN)),
        behaviour=Behaviour.STEADY,
    )


def _walk(walk: Walk, rng: np.random.Generator) -> Walk:
    return replace(walk, start_s=float(rng.uniform(0, LATEST_START_S)))


def _moved(point: Point, reach: Point, rng: np.random.Generator) -> Point:
    x, y, z = (float(at + rng.uniform(-most, most)) for at, most in zip(point, reach, strict=True))
    return x, y, z
