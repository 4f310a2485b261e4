"""One look at a camera's places: who is where, for how long, and how the zones' pixels behave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from davy.analysis.tracks import Track


@dataclass(frozen=True, slots=True)
class ZonePixels:
    """Pixels of a zone, without those of people, compared with its past.

    Args:
        motion: Mean absolute change since the picture before, of [0, 1].
        texture: Mean gradient over its usual value.
        contrast: Deviation of area means over its usual value.
        changed: Share that differs from the usual picture and keeps still.
        known: Whether the past is long enough for the three comparisons.
    """

    motion: float = 0.0
    texture: float = 1.0
    contrast: float = 1.0
    changed: float = 0.0
    known: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """Facts that conditions are decided from.

    Args:
        now_s: Time of the picture, in s of a monotonic clock.
        tracks: Every object in the picture.
        inside: Objects by zone.
        entered_s: Since when a track is in a zone, by zone and track id.
        crossed_s: Time of the newest crossing of a line, by line, label and direction, and who crossed.
        pixels: By zone; "" is the whole picture.
        labels: Classes that the detector knows.
    """

    now_s: float
    tracks: Sequence[Track] = ()
    inside: Mapping[str, Sequence[Track]] = field(default_factory=dict)
    entered_s: Mapping[tuple[str, int], float] = field(default_factory=dict)
    crossed_s: Mapping[tuple[str, str, str], tuple[float, Track]] = field(default_factory=dict)
    pixels: Mapping[str, ZonePixels] = field(default_factory=dict)
    labels: frozenset[str] = frozenset({"person"})

    def people(self, zone: str | None, label: str = "person") -> list[Track]:
        """Objects of a class in a zone; None: in the picture."""
        return [each for each in (self.tracks if zone is None else self.inside.get(zone, ())) if each.label == label]
