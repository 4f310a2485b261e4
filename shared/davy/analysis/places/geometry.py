"""Who is in which zone and who crosses which line, by supervision's zones on a raster of the picture."""

from collections.abc import Mapping, Sequence

import numpy as np
from supervision import Detections, LineZone, Point, PolygonZone, Position

from davy.analysis.tracks import Track
from davy.place_rules import Line, Zone

RASTER = 1000  # cells on either side
NEARER = 0.1  # of its height, by which the box of one who stands in front ends lower


class ZoneMap:
    """The zones and lines of one camera; lines remember on which side everybody was, and zones who was inside.

    Whoever stands behind somebody else has a box that ends where the other begins to hide it: its lower side says nothing about
    the place. Such a track stays inside or outside of a zone as it was before.
    """

    def __init__(self, zones: Sequence[Zone], lines: Sequence[Line]) -> None:
        self._zones = {zone.name: PolygonZone(np.array([_cell(point) for point in zone.polygon], np.int64)) for zone in zones}
        self._inside: dict[str, frozenset[int]] = {}  # ids of the look before
        self._lines = {
            line.name: LineZone(Point(*_cell(line.start)), Point(*_cell(line.end)), [Position.BOTTOM_CENTER]) for line in lines
        }

    def inside(self, tracks: Sequence[Track]) -> Mapping[str, list[Track]]:
        """Who stands in each zone."""
        found, hidden = _detections(tracks), [_is_hidden(track, tracks) for track in tracks]
        result: dict[str, list[Track]] = {}
        for name, zone in self._zones.items():
            before, standing = self._inside.get(name, frozenset()), zone.trigger(found) if tracks else ()
            result[name] = [
                track
                for track, here, unsure in zip(tracks, standing, hidden, strict=True)
                if (track.id in before if unsure else here)
            ]
            self._inside[name] = frozenset(track.id for track in result[name])
        return result

    def crossed(self, tracks: Sequence[Track]) -> list[tuple[str, str, Track]]:
        """Crossings since the call before: line, "in" or "out", and who."""
        found, result = _detections(tracks), []
        for name, line in self._lines.items():
            came, left = line.trigger(found)
            for track, inward, outward in zip(tracks, came, left, strict=True):
                if inward or outward:
                    result.append((name, "in" if inward else "out", track))
        return result


def _is_hidden(track: Track, tracks: Sequence[Track]) -> bool:
    """Whether the place where a track stands is behind somebody who stands nearer to the camera."""
    x, y = track.foot
    return any(
        other.box[0] <= x <= other.box[2] and other.box[1] <= y < other.box[3] - NEARER * (other.box[3] - other.box[1])
        for other in tracks
        if other.id != track.id
    )


def _detections(tracks: Sequence[Track]) -> Detections:
    boxes = np.array([track.box for track in tracks], np.float32).reshape(-1, 4) * (RASTER - 1)
    ids = np.array([track.id for track in tracks], np.int64)
    return Detections(boxes, class_id=np.zeros(len(tracks), np.int64), tracker_id=ids)


def _cell(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0] * (RASTER - 1)), round(point[1] * (RASTER - 1))
