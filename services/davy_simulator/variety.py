"""Variants of the four places for training: other lamps, air, camera positions, exposures and people."""

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
SPREAD_M = (0.45, 1.2)  # across, along: the ways of other people differ from the place's own by so much
PEOPLE = 6  # at most
STANDING_SHARE = 0.3
SPEED_M_S = (0.4, 1.7)


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


def peopled(place: Place, seed: int) -> Place:
    """The place with other people: none to six, who walk or stand near the place's own ways.

    Args:
        place: Everything else of it stays.
        seed: Of everything that is drawn.
    """
    rng = generator(seed, place.name, "people")
    count = int(rng.integers(0, PEOPLE + 1))
    return replace(place, walks=tuple(_other_walk(place.walks, rng) for _ in range(count)))


def _other_walk(walks: tuple[Walk, ...], rng: np.random.Generator) -> Walk:
    own = walks[int(rng.integers(len(walks)))]
    points = [(x + rng.uniform(-1, 1) * SPREAD_M[0], max(z + rng.uniform(-1, 1) * SPREAD_M[1], 2.6)) for x, z in own.points]
    start_s = float(rng.uniform(0, LATEST_START_S))
    if rng.random() < STANDING_SHARE or len(points) == 1:
        return Walk((_between(points, float(rng.random())),), 0.0, start_s)
    return Walk(tuple((float(x), float(z)) for x, z in points), float(rng.uniform(*SPEED_M_S)), start_s)


def _between(points: list[tuple[float, float]], share: float) -> tuple[float, float]:
    """The point on one of the segments between the points, share of it along."""
    along = share * (len(points) - 1)
    first = min(int(along), max(len(points) - 2, 0))
    (x, z), (to_x, to_z) = points[first], points[min(first + 1, len(points) - 1)]
    return float(x + (to_x - x) * (along - first)), float(z + (to_z - z) * (along - first))


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
