"""False alarms and missed intruders: the rules of the aggregator on the simulated mine, faster than real time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from davy.adapters.media import jpeg
from davy.analysis.base import Picture
from davy.analysis.people import People
from davy.analysis.places.geometry import ZoneMap
from davy.analysis.tracks import Track
from davy.imaging.detect import Detector
from davy.imaging.iqa.seeds import check_evaluation_seeds
from davy.imaging.runtime import StillEnhancer
from davy.place_rules import PersonInZone, Zone
from davy_bench.quality.scores import ProgressCallback
from davy_simulator.people import PersonBox
from davy_simulator.places import PLACES, Place, Walk
from davy_simulator.render import Renderer

SIZE = (640, 360)
LOOK_S = 0.5
EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01: the same command measures the same pictures on any day
STEP_S, SEARCH_S = 0.1, 120.0
BEFORE_S, AFTER_S = 3.0, 6.0
ZONES: Mapping[str, Zone] = {
    name: Zone(name="forbidden", polygon=corners)
    for name, corners in {
        "gallery": ((0.321, 0.867), (0.458, 0.899), (0.54, 0.634), (0.464, 0.625)),  # the track
        "face": ((0.387, 0.999), (0.53, 0.985), (0.475, 0.738), (0.365, 0.759)),  # beside the machine's boom
        "conveyor": ((0.256, 0.729), (0.454, 0.763), (0.56, 0.45), (0.492, 0.446)),  # the belt
        "junction": ((0.393, 0.914), (0.515, 0.879), (0.431, 0.646), (0.357, 0.658)),  # the track
    }.items()
}
WAYS: Mapping[str, Walk] = {  # none of the place's own ways touches its zone
    "gallery": Walk(((-1.6, 10.5), (-0.4, 6.0)), 1.1),
    "face": Walk(((-1.8, 8.3), (-1.0, 5.4)), 1.0),
    "conveyor": Walk(((-0.45, 13.5), (-0.45, 5.5)), 1.2),
    "junction": Walk(((0.5, 9.5), (-0.8, 6.5)), 1.1),
}
RULE = PersonInZone(name="forbidden", zone="forbidden")


@dataclass(frozen=True, slots=True)
class Intruder:
    """One staged intruder. raised_s: time from the first step into the zone to the alarm; None: there was none."""

    place: str
    seed: int
    raised_s: float | None


def false_alarms(
    detector: Detector, seed: int, minutes: float, enhancer: StillEnhancer, progress: ProgressCallback
) -> dict[str, int]:
    """Number of alarms of each place in so much time without intruders, as their people walk."""
    (chosen,) = check_evaluation_seeds([seed])
    found: dict[str, int] = {}
    looks = int(minutes * 60 / LOOK_S)
    for index, (name, place) in enumerate(PLACES.items()):
        raised = _alarms(detector, Renderer(place, SIZE, chosen), enhancer, ZONES[name], [k * LOOK_S for k in range(looks)])
        active, alarms = False, 0
        for k, (_, now) in enumerate(raised):
            alarms += now and not active
            active = now
            progress(index * looks + k + 1, len(PLACES) * looks)
        found[name] = alarms
    return found


def intruders(
    detector: Detector, seeds: Sequence[int], enhancer: StillEnhancer, progress: ProgressCallback
) -> Iterator[Intruder]:
    """One intruder in each place of each mine, beside the people who belong there."""
    chosen, done = check_evaluation_seeds(seeds), 0
    for seed in chosen:
        for name, place in PLACES.items():
            renderer = Renderer(replace(place, walks=(*place.walks, WAYS[name])), SIZE, seed)
            entered_s = _entry(renderer, place, ZONES[name])
            phase = (seed % 5) / 5 * LOOK_S
            count = int((BEFORE_S + AFTER_S) / LOOK_S)
            times = [entered_s - BEFORE_S + phase + k * LOOK_S for k in range(count)]
            raised = (t_s - entered_s for t_s, now in _alarms(detector, renderer, enhancer, ZONES[name], times) if now)
            yield Intruder(name, seed, next(raised, None))
            progress(done := done + 1, len(chosen) * len(PLACES))


def _alarms(
    detector: Detector, renderer: Renderer, enhancer: StillEnhancer, zone: Zone, times: Sequence[float]
) -> Iterator[tuple[float, bool]]:
    """Time and state of the rule at every look."""
    analyser = People(detector, LOOK_S, lambda: ((zone,), (), (RULE,)))
    for t_s in times:
        captured_ns = EPOCH_NS + round(t_s * 1e9)
        sent = jpeg.decode(jpeg.encode(enhancer.enhance(renderer.raw(t_s, captured_ns))))
        observed = analyser.analyse(Picture(sent, captured_ns))
        yield t_s, any(each.active for each in observed if each.part == RULE.name)


def _entry(renderer: Renderer, place: Place, zone: Zone) -> float:
    """When the intruder first steps into the zone after having been outside for a while."""
    places, outside_s = ZoneMap([zone], []), 0.0
    for t_s in (10.0 + k * STEP_S for k in range(int(SEARCH_S / STEP_S))):
        intruder = [person for person in renderer.people(t_s) if person.index == len(place.walks)]
        inside = bool(places.inside([_track(person) for person in intruder])[zone.name])
        if inside and outside_s > BEFORE_S:
            return t_s
        outside_s = 0.0 if inside else outside_s + STEP_S
    raise AssertionError(f"the intruder of {place.name} never enters its zone")


def _track(person: PersonBox) -> Track:
    left, top, right, bottom = person.box
    return Track(0, "person", (left / SIZE[0], top / SIZE[1], right / SIZE[0], bottom / SIZE[1]), 1.0, 0.0, True)
