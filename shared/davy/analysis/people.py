"""People and machines of one camera: detected, tracked, and compared with the rules about its places."""

from collections.abc import Callable, Sequence
from datetime import tzinfo

from davy.analysis.base import Picture
from davy.analysis.places.book import NO_PLACES, PlacesOf
from davy.analysis.places.engine import Places
from davy.analysis.tracks import CameraTracker, Track
from davy.domain.event import Mark
from davy.domain.observation import Observation
from davy.domain.severity import Severity
from davy.imaging.detect import Detector


class People:
    """Finds objects of the detector's classes.

    Observes `person` for people and `detected-LABEL` for every other class that was ever seen here, and one condition per
    rule about a place.

    Args:
        detector: Shared by all cameras.
        every_s: Time between two looks.
        places: Returns the camera's zones, lines and rules in force.
        zone: Returns the time zone of the rules' schedules; None: that of this machine.
    """

    name = "people"

    def __init__(
        self,
        detector: Detector,
        every_s: float,
        places: PlacesOf = lambda: NO_PLACES,
        zone: Callable[[], tzinfo | None] = lambda: None,
    ) -> None:
        self.every_s = every_s
        self._detector, self._tracker, self._zone = detector, CameraTracker(), zone
        self._places_of, self._places = places, Places(*NO_PLACES)
        self._config = NO_PLACES, detector.classes, zone()
        self._known = {"person"} if "person" in detector.classes else set()

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        """Detect, track and compare with the rules; see Analyser."""
        height, width = picture.bgr.shape[:2]
        tracks = self._tracker.update(self._detector.detect(picture.bgr), (width, height), picture.captured_ns / 1e9)
        self._known |= {track.label for track in tracks}
        found = [_in_view(label, [track for track in tracks if track.label == label]) for label in sorted(self._known)]
        return [*found, *self._current().update(picture, tracks)]

    def _current(self) -> Places:
        """The rules in force; a change of any, of the detector's classes or of the time zone starts all durations again."""
        config = self._places_of(), self._detector.classes, self._zone()
        if config != self._config:
            self._config, self._places = config, Places(*config[0], *config[1:])
        return self._places


def _in_view(label: str, tracks: Sequence[Track]) -> Observation:
    count, best = len(tracks), max((track.score for track in tracks), default=0.0)
    person = label == "person"
    message = (
        ("a person is in view" if count == 1 else f"{count} people are in view") if person else f"{count} x {label} in view"
    )
    over = "no more people in view" if person else f"no {label} in view any more"
    marks = tuple(Mark(t.box[0], t.box[1], t.box[2] - t.box[0], t.box[3] - t.box[1], t.label, t.score) for t in tracks)
    kind = "person" if person else f"detected-{label}"
    return Observation(kind, count > 0, Severity.INFO, message, over, {"count": count, "score": best}, marks)
