"""Comparison of two models on the same instants of every place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from davy.domain.frame import BgrImage
from davy.imaging.iqa import psnr_db
from davy.imaging.runtime import StillEnhancer
from davy_simulator.change import Change
from davy_simulator.world import Mine

INSTANTS_S = tuple(200.0 + 13.0 * k for k in range(12))
PICTURE_S = INSTANTS_S[3]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Result for one place: mean PSNR in dB over INSTANTS_S, and pictures: raw, old, new, ground truth."""

    place: str
    raw_db: float
    old_db: float
    new_db: float
    pictures: tuple[BgrImage, ...]

    @property
    def gain_db(self) -> float:
        """Return the PSNR gain of the new model over the old one."""
        return self.new_db - self.old_db

    def figures(self) -> dict[str, float]:
        """Return the PSNR values by name."""
        return {"raw_db": self.raw_db, "old_db": self.old_db, "new_db": self.new_db}


def compare_models(
    mine: Mine, places: Sequence[tuple[str, Change]], old: StillEnhancer, new: StillEnhancer, size: tuple[int, int]
) -> list[Comparison]:
    """Compare the models on every place under its change of light."""
    return [_place(mine, place, change, old, new, size) for place, change in places]


def _place(mine: Mine, place: str, change: Change, old: StillEnhancer, new: StillEnhancer, size: tuple[int, int]) -> Comparison:
    found: list[list[float]] = []
    pictures: tuple[BgrImage, ...] = ()
    for at_s in INSTANTS_S:
        truth = mine.truth(place, at_s, size)
        raw = mine.render(place, at_s, size, change)
        shown = raw, old.enhance(raw), new.enhance(raw)
        found.append([psnr_db(picture, truth) for picture in shown])
        if at_s == PICTURE_S:
            pictures = (*shown, truth)
    raw_db, old_db, new_db = np.mean(found, axis=0).tolist()
    return Comparison(place, raw_db, old_db, new_db, pictures)
