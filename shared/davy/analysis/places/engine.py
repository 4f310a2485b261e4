"""The places of one camera: from a picture and its tracks to the conditions of its rules."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from davy.analysis.base import Picture
from davy.analysis.places.conditions import Condition, Timer, condition, duration_s
from davy.analysis.places.geometry import ZoneMap
from davy.analysis.places.pixels import ZoneWatch
from davy.analysis.places.situation import Situation
from davy.analysis.tracks import Track
from davy.domain.event import Mark
from davy.domain.observation import Observation
from davy.place_rules import Line, PlaceRule, Zone


class Places:
    """Evaluates the rules of one camera, in order. Not for several threads.

    Args:
        zones: Areas that rules name.
        lines: Lines that rules name.
        rules: Conditions; disabled ones are skipped.
        labels: Classes that the detector knows.
        zone: Time zone of the rules' schedules; None: that of this machine.
    """

    def __init__(
        self,
        zones: Sequence[Zone],
        lines: Sequence[Line],
        rules: Sequence[PlaceRule],
        labels: Sequence[str] = ("person",),
        zone: tzinfo | None = None,
    ) -> None:
        self._rules = [rule for rule in rules if rule.enabled]
        self._map, self._watch = ZoneMap(zones, lines), ZoneWatch(zones)
        self._labels, self._time_zone = frozenset(labels), zone
        self._timers: dict[str, Timer] = {}
        self._entered_s: dict[tuple[str, int], float] = {}
        self._crossed_s: dict[tuple[str, str, str], tuple[float, Track]] = {}

    def update(self, picture: Picture, tracks: Sequence[Track]) -> list[Observation]:
        """Return one observation per rule."""
        now_s = picture.captured_ns / 1e9
        situation = self._situation(picture, tracks, now_s)
        local = datetime.fromtimestamp(now_s, self._time_zone).astimezone(self._time_zone)
        return [self._decide(rule, situation, local) for rule in self._rules]

    def _situation(self, picture: Picture, tracks: Sequence[Track], now_s: float) -> Situation:
        inside = self._map.inside(tracks)
        present = {(name, track.id) for name, found in inside.items() for track in found}
        self._entered_s = {key: self._entered_s.get(key, now_s) for key in present}
        for line, direction, track in self._map.crossed(tracks):
            self._crossed_s[line, track.label, direction] = (now_s, track)
        pixels = self._watch.update(picture.thumbnail, tracks, now_s)
        return Situation(now_s, tracks, inside, self._entered_s, self._crossed_s, pixels, self._labels)

    def _decide(self, rule: PlaceRule, situation: Situation, local: datetime) -> Observation:
        found = condition(rule, situation) if rule.schedule.covers(local) else Condition(False)
        timer = self._timers.get(rule.name, Timer()).step(found.holds, situation.now_s)
        self._timers[rule.name] = timer
        active = timer.lasted(duration_s(rule), situation.now_s)
        marks = tuple(_mark(track) for track in found.tracks)
        over = f"rule {rule.name}: the condition is over"
        return Observation(rule.kind, active, rule.level, found.message, over, found.figures, marks, rule.name)


def _mark(track: Track) -> Mark:
    left, top, right, bottom = track.box
    return Mark(left, top, right - left, bottom - top, track.label, track.score)
