"""True boxes of people: everybody's outline in the picture, and the share of it that nothing hides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from davy_simulator.kernels import Body, Canvas, Floats, Light, Scene, kernel

FAR_M = 1e4
MIN_SEEN_PX = 6  # fewer visible pixels give no box


@dataclass(frozen=True, slots=True)
class PersonBox:
    """One person in a picture.

    Args:
        box: Left, top, right, bottom of the visible part, in px of the picture.
        height_px: Height of box.
        visible: Share of the person's outline inside the picture that neither rock, machines nor others hide, 0 to 1.
        inside: Whether the outline touches no edge of the picture.
        index: Number of the person in the place.
    """

    box: tuple[float, float, float, float]
    height_px: float
    visible: float
    inside: bool
    index: int


def find_people(
    scene: Scene, depth: Floats, people: Sequence[Sequence[Body]], shift: tuple[int, int], size: tuple[int, int]
) -> list[PersonBox]:
    """Return the boxes of all people of whom something is visible.

    Args:
        scene: The place and its camera, as the kernels take it.
        depth: Distance of everything that stands still, in m, shape (rows, columns) of the padded picture.
        people: The bodies of each person.
        shift: Left and top of the picture in the padded picture, px.
        size: Width and height of the picture, px.
    """
    (left, top), (width, height) = shift, size
    own = [_outline(scene, depth.shape, bodies)[top : top + height, left : left + width] for bodies in people]
    nearest = np.minimum.reduce([depth[top : top + height, left : left + width], *own])
    found = [_person(index, outline, outline <= nearest) for index, outline in enumerate(own)]
    return [person for person in found if person is not None]


def _outline(scene: Scene, shape: tuple[int, ...], bodies: Sequence[Body]) -> Floats:
    """Distance of one person alone, in m; FAR_M elsewhere."""
    nothing, nearest = np.full(shape, FAR_M, np.float32), np.full(shape, FAR_M, np.float32)
    radiance = np.empty((*shape, 3), np.float32)
    canvas = Canvas(nothing.ctypes.data, nearest.ctypes.data, radiance.ctypes.data)
    canvas.box[:] = (scene.width, scene.height, 0, 0)
    kernel("bodies")(scene, (Body * max(len(bodies), 1))(*bodies), len(bodies), (Light * 1)(), 0, 0.0, 0.0, 1, canvas)
    return nearest


def _person(index: int, outline: Floats, nearest: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> PersonBox | None:
    whole = outline < FAR_M
    seen = whole & nearest
    if int(seen.sum()) < MIN_SEEN_PX:
        return None
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    inside = not (whole[0].any() or whole[-1].any() or whole[:, 0].any() or whole[:, -1].any())
    return PersonBox(box, box[3] - box[1], float(seen.sum() / whole.sum()), inside, index)
