"""Who is in which zone and who crosses which line, by supervision's zones on a raster of the picture."""

from collections.abc import Mapping, Sequence

import numpy as np
from supervision import Detections, LineZone, Point, PolygonZone, Position

from davy.analysis.tracks import Track
from davy.place_rules import Line, Zone

RASTER = 1000  # cells on either side


class ZoneMap:
    """The zones and lines of one camera; lines remember on which side everybody was."""

    def __init__(self, zones: Sequence[Zone], lines: Sequence[Line]) -> None:
        self._zones = {zone.name: PolygonZone(np.array([_cell(point) for point in zone.polygon], np.int64)) for zone in zones}
        self._lines = {
            line.name: LineZone(Point(*_cell(line.start)), Point(*_cell(line.end)), [Position.BOTTOM_CENTER]) for line in lines
        }

    def inside(self, tracks: Sequence[Track]) -> Mapping[str, list[Track]]:
        """Who stands in each zone."""
        found = _detections(tracks)
        return {
            name: [track for track, here in zip(tracks, zone.trigger(found), strict=True) if here] if tracks else []
            for name, zone in self._zones.items()
        }

    def crossed(self, tracks: Sequence[Track]) -> list[tuple[str, str, Track]]:
        """Crossings since the call before: line, "in" or "out", and who."""
        found, result = _detections(tracks), []
        for name, line in self._lines.items():
            came, left = line.trigger(found)
            for track, inward, outward in zip(tracks, came, left, strict=True):
                if inward or outward:
                    result.append((name, "in" if inward else "out", track))
        return result


def _detections(tracks: Sequence[Track]) -> Detections:
    boxes = np.array([track.box for track in tracks], np.float32).reshape(-1, 4) * (RASTER - 1)
    ids = np.array([track.id for track in tracks], np.int64)
    return Detections(boxes, class_id=np.zeros(len(tracks), np.int64), tracker_id=ids)


def _cell(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0] * (RASTER - 1)), round(point[1] * (RASTER - 1))
