"""Miners: where they are, how they step, and the lamps on their caps; all a function of the time."""

import math
from dataclasses import dataclass

import numpy as np

from davy_simulator.chance import chance, wander
from davy_simulator.kernels import Body, Light
from davy_simulator.places import Place, Point, Walk

STRIDE_M = 0.72
REST_S = 3.0  # at either end of the way
TURN_S = 1.2
CAP_LAMP_POWER = 12.0
CAP_LAMP_BGR = (1.12, 1.0, 0.86)  # a white LED
OVERALLS_BGR = ((0.20, 0.10, 0.05), (0.05, 0.14, 0.34), (0.16, 0.16, 0.15))  # blue, orange, grey
HELMETS_BGR = ((0.05, 0.5, 0.75), (0.7, 0.7, 0.7), (0.08, 0.09, 0.55))  # yellow, white, red
SKIN_BGR = (0.12, 0.17, 0.26)
BOOT_BGR = (0.03, 0.03, 0.03)


@dataclass(frozen=True, slots=True)
class Miner:
    """One miner at one instant. heading is in radians, 0 along z; head_turn is relative to it; phase the step's, radians."""

    x: float
    z: float
    heading: float
    head_turn: float
    phase: float
    swing: float
    index: int


def miners_at(place: Place, t_s: float, seed: int) -> list[Miner]:
    """Everybody who is in the place at t_s."""
    return [_miner(walk, t_s, index, (seed, place.name, "miner", index)) for index, walk in enumerate(place.walks)]


def bodies_of(miner: Miner, view_point: Point) -> list[Body]:
    """Capsules of the miner; the cap lamp glares towards the camera."""
    figure = _Figure(miner)
    overalls = OVERALLS_BGR[miner.index % 3]
    bodies = [*_legs(figure, overalls), *_arms(figure, overalls)]
    bob = 0.02 * abs(math.sin(miner.phase)) * miner.swing
    bodies += [
        figure.body((-0.1, 1.00 + bob, 0), (0.1, 1.00 + bob, 0), 0.15, overalls),
        figure.body((0, 1.05 + bob, 0), (0, 1.36 + bob, 0.02), 0.19, overalls, (0.15, 0.4)),
        figure.body((-0.15, 1.43 + bob, 0), (0.15, 1.43 + bob, 0), 0.1, overalls),
        figure.body((-0.1, 1.0, -0.2), (0.1, 1.0, -0.2), 0.07, BOOT_BGR),  # battery and self-rescuer on the belt
        figure.body((0, 1.58 + bob, 0.02), (0, 1.66 + bob, 0.02), 0.1, SKIN_BGR),
        figure.body((0, 1.73 + bob, -0.02), (0, 1.74 + bob, 0.03), 0.135, HELMETS_BGR[miner.index % 3]),
    ]
    lamp = cap_lamp(miner)
    to_eye = [view_point[i] - lamp.position[i] for i in range(3)]
    distance = math.sqrt(sum(d * d for d in to_eye))
    dazzle = max(sum(lamp.aim[i] * to_eye[i] for i in range(3)) / distance, 0.0)
    glow = 0.8 + 14 * dazzle**3
    at = tuple(lamp.position)
    bodies.append(Body(at, (at[0], at[1] + 0.01, at[2]), 0.036, CAP_LAMP_BGR, 0, 0, glow))
    return bodies


def cap_lamp(miner: Miner) -> Light:
    """The cap lamp, which points in the direction of the head."""
    yaw = miner.heading + miner.head_turn
    nod = -0.27 + 0.05 * math.sin(miner.phase) * miner.swing
    aim = (math.sin(yaw) * math.cos(nod), math.sin(nod), math.cos(yaw) * math.cos(nod))
    position = (miner.x + 0.16 * math.sin(yaw), 1.79, miner.z + 0.16 * math.cos(yaw))
    return Light(position, aim, CAP_LAMP_BGR, CAP_LAMP_POWER, 16.0)


class _Figure:
    """Puts body coordinates (right, up, ahead) into the world."""

    def __init__(self, miner: Miner) -> None:
        self.miner = miner
        self.sine, self.cosine = math.sin(miner.heading), math.cos(miner.heading)

    def world(self, point: Point) -> Point:
        right, up, ahead = point
        return (
            self.miner.x + right * self.cosine + ahead * self.sine,
            up,
            self.miner.z - right * self.sine + ahead * self.cosine,
        )

    def body(
        self, a: Point, b: Point, radius: float, bgr: Point, stripe: tuple[float, float] = (0.0, 0.0), glow: float = 0.0
    ) -> Body:
        return Body(self.world(a), self.world(b), radius, bgr, stripe[0], stripe[1], glow)


def _legs(figure: _Figure, overalls: Point) -> list[Body]:
    bodies = []
    for side in (-1, 1):
        swing = figure.miner.swing * math.sin(figure.miner.phase + (0 if side < 0 else math.pi))
        lift = max(math.cos(figure.miner.phase + (0 if side < 0 else math.pi)), 0.0) * figure.miner.swing
        hip = (0.1 * side, 0.95, 0.0)
        knee = (0.11 * side, 0.53, 0.23 * swing + 0.10 * lift)
        ankle = (0.11 * side, 0.13 + 0.10 * lift, 0.36 * swing - 0.14 * lift)
        toe = (0.12 * side, 0.06 + 0.10 * lift, 0.36 * swing - 0.14 * lift + 0.15)
        bodies += [
            figure.body(hip, knee, 0.1, overalls),
            figure.body(knee, ankle, 0.08, overalls, (0.2, 0.42)),
            figure.body(ankle, toe, 0.065, BOOT_BGR),
        ]
    return bodies


def _arms(figure: _Figure, overalls: Point) -> list[Body]:
    bodies = []
    for side in (-1, 1):
        swing = figure.miner.swing * math.sin(figure.miner.phase + (math.pi if side < 0 else 0))
        work = (1 - figure.miner.swing) * (0.6 + 0.3 * math.sin(figure.miner.phase * 0.7 + side))
        shoulder = (0.23 * side, 1.42, 0.0)
        elbow = (0.29 * side, 1.15 + 0.05 * work, 0.16 * swing + 0.15 * work)
        hand = (0.26 * side, 0.93 + 0.22 * work, 0.24 * swing + 0.10 + 0.25 * work)
        bodies += [
            figure.body(shoulder, elbow, 0.068, overalls, (0.55, 0.8)),
            figure.body(elbow, hand, 0.055, overalls),
            figure.body(hand, (hand[0], hand[1] - 0.05, hand[2] + 0.03), 0.05, SKIN_BGR),
        ]
    return bodies


def _miner(walk: Walk, t_s: float, index: int, key: tuple[int | str, ...]) -> Miner:
    head_turn = 0.55 * wander(t_s / 2.3, *key, "look")
    if walk.speed_m_s == 0:
        x, z = walk.points[0]
        turn = 0.5 + 0.8 * wander(t_s / 6.0, *key, "turn")
        return Miner(x, z, turn, head_turn, 3.0 * t_s, 0.0, index)
    lengths = [math.dist(a, b) for a, b in zip(walk.points, walk.points[1:], strict=False)]
    walked_s = sum(lengths) / walk.speed_m_s
    cycle = 2 * (walked_s + REST_S)
    t = (t_s + walk.start_s + 7.0 * chance(*key, "start")) % cycle
    back = t >= cycle / 2
    t -= cycle / 2 if back else 0.0
    moving = t < walked_s
    way = min(t, walked_s) * walk.speed_m_s
    x, z, heading = _along(walk, lengths, sum(lengths) - way if back else way)
    heading += math.pi if back else 0.0
    if not moving:  # turns round at the end of the rest
        heading += math.pi * float(np.clip((t - walked_s - (REST_S - TURN_S)) / TURN_S, 0, 1))
    swing = float(np.clip(min(t, walked_s - t) * 3, 0, 1)) if moving else 0.0
    return Miner(x, z, heading, head_turn, 2 * math.pi * way / (2 * STRIDE_M) if moving else 2.0 * t_s, swing, index)


def _along(walk: Walk, lengths: list[float], way: float) -> tuple[float, float, float]:
    """Position and heading after `way` metres."""
    for a, b, length in zip(walk.points, walk.points[1:], lengths, strict=False):
        heading = math.atan2(b[0] - a[0], b[1] - a[1])
        if way <= length or b is walk.points[-1]:
            k = min(way / length, 1.0)
            return a[0] + (b[0] - a[0]) * k, a[1] + (b[1] - a[1]) * k, heading
        way -= length
    raise AssertionError("a walk has at least two points")
