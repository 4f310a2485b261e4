"""How a zone's pixels behave: motion, texture, contrast, and what is new in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.analysis.places.situation import ZonePixels
from davy.analysis.tracks import Track
from davy.place_rules import Zone

SIZE = (160, 90)  # width, height of the compared picture: areas of 4 px of a 640 px picture, whose noise is averaged
USUAL_S = 120.0  # time constant of the usual picture and values
KNOWN_AFTER_S = 20.0
STILL = 0.03  # of [0, 1]: change between two pictures below which an area keeps still
DIFFERENT = 0.09  # difference to the usual picture from which an area counts as changed
PERSON_MARGIN = 0.02  # of the picture: shadow and motion round a person are not the zone's own
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(slots=True)
class _Usual:
    texture: float
    contrast: float


class ZoneWatch:
    """The past of one camera's zones. Not for several threads.

    Args:
        zones: Areas to compare; the whole picture is always compared under the name "".
    """

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._masks: dict[str, Mask] = {"": np.ones(SIZE[::-1], bool)}
        for zone in zones:
            mask = np.zeros(SIZE[::-1], np.uint8)
            corners = np.rint(np.array(zone.polygon) * np.subtract(SIZE, 1)).astype(np.int32)
            self._masks[zone.name] = np.asarray(cv2.fillPoly(mask, [corners], 1), bool)
        self._usual: dict[str, _Usual] = {}
        self._background: Floats | None = None
        self._before: Floats | None = None
        self._first_s = self._last_s = 0.0

    def update(self, thumbnail: Floats, tracks: Sequence[Track], now_s: float) -> Mapping[str, ZonePixels]:
        """Compare a picture with the past and add it.

        Args:
            thumbnail: Grey, shape (90, 160), of [0, 255].
            tracks: Their boxes are left out.
            now_s: Time of the picture.
        """
        now = (thumbnail / 255).astype(np.float32)
        if self._background is None or self._before is None:
            self._background, self._before, self._first_s = now.copy(), now, now_s
        free = _free(tracks)
        change = np.abs(now - self._before)
        gain = float(((now[free].mean() if free.any() else 0.0) + 0.01) / (self._background.mean() + 0.01))
        still_new = (change < STILL) & (np.abs(now - self._background * gain) > DIFFERENT)
        share = float(np.clip((now_s - self._last_s) / USUAL_S, 0, 1)) if self._last_s else 0.0
        known = now_s - self._first_s >= KNOWN_AFTER_S
        found = {
            name: self._compare(name, mask & free, now, change, still_new, share, known) for name, mask in self._masks.items()
        }
        self._background[free] += share * (now - self._background)[free]
        self._before, self._last_s = now, now_s
        return found

    def _compare(
        self, name: str, mask: Mask, now: Floats, change: Floats, still_new: Mask, share: float, known: bool
    ) -> ZonePixels:
        if int(mask.sum()) < 4:
            return ZonePixels()
        across, down = np.gradient(now)
        texture, contrast = float(np.hypot(across, down)[mask].mean()), float(now[mask].std())
        usual = self._usual.setdefault(name, _Usual(texture, contrast))
        result = ZonePixels(
            float(change[mask].mean()),
            texture / max(usual.texture, 1e-4),
            contrast / max(usual.contrast, 1e-4),
            float(still_new[mask].mean()),
            known,
        )
        if not known or result.contrast > 0.8:  # smoke must not become the usual picture within its own alarm
            usual.texture += share * (texture - usual.texture)
            usual.contrast += share * (contrast - usual.contrast)
        return result


def _free(tracks: Sequence[Track]) -> Mask:
    """Where nobody is."""
    free = np.ones(SIZE[::-1], bool)
    for track in tracks:
        left, top, right, bottom = track.box
        columns = slice(max(0, int((left - PERSON_MARGIN) * SIZE[0])), int((right + PERSON_MARGIN) * SIZE[0]) + 1)
        rows = slice(max(0, int((top - PERSON_MARGIN) * SIZE[1])), int((bottom + PERSON_MARGIN) * SIZE[1]) + 1)
        free[rows, columns] = False
    return free
