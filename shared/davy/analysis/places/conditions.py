"""The condition of each rule, as a pure function of one situation; `Timer` adds the duration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from davy.analysis.places.situation import Situation, ZonePixels
from davy.analysis.tracks import Box, Track
from davy.place_rules import (
    BeltEmpty,
    BeltStopped,
    Crowd,
    HelmetMissing,
    LineCrossed,
    Loitering,
    NobodyThere,
    ObjectLeft,
    PersonInZone,
    PersonOnBelt,
    PlaceRule,
    Smoke,
)

MAX_GAP_S = 1.5  # a condition that is lost for less goes on: a detector misses a person in one look
HEAD_SHARE = 0.35  # of a person's height, in which the helmet is


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether a rule's condition holds in one situation, and what shows it."""

    holds: bool
    message: str = ""
    tracks: Sequence[Track] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timer:
    """Since when a condition holds, and when it was seen last; None: not at all."""

    since_s: float | None = None
    last_s: float = 0.0

    def step(self, holds: bool, now_s: float) -> "Timer":
        """The timer after one look."""
        if holds:
            return Timer(now_s, now_s) if self.since_s is None else replace(self, last_s=now_s)
        return self if self.since_s is not None and now_s - self.last_s <= MAX_GAP_S else Timer()

    def lasted(self, for_s: float, now_s: float) -> bool:
        """Whether the condition holds for for_s."""
        return self.since_s is not None and now_s - self.since_s >= for_s


def condition(rule: PlaceRule, situation: Situation) -> Condition:
    """Decide one rule, without its duration."""
    return CONDITIONS[type(rule)](rule, situation)


def duration_s(rule: PlaceRule) -> float:
    """Time that a rule's condition has to hold. Loitering counts per person, a crossing is over at once."""
    return 0.0 if isinstance(rule, Loitering | LineCrossed) else rule.for_s


def _person_in_zone(rule: PersonInZone, situation: Situation) -> Condition:
    found = situation.people(rule.zone, rule.label)
    return Condition(bool(found), f"{_counted(found, rule.label)} in zone {rule.zone}", found, {"count": len(found)})


def _person_on_belt(rule: PersonOnBelt, situation: Situation) -> Condition:
    found, motion = situation.people(rule.zone), _pixels(rule.zone, situation).motion
    figures = {"count": len(found), "motion": motion}
    return Condition(bool(found) and motion >= rule.motion, f"a person is on the running belt {rule.zone}", found, figures)


def _loitering(rule: Loitering, situation: Situation) -> Condition:
    stays = {
        each.id: situation.now_s - situation.entered_s.get((rule.zone, each.id), situation.now_s)
        for each in situation.people(rule.zone, rule.label)
    }
    found = [each for each in situation.people(rule.zone, rule.label) if stays[each.id] >= rule.for_s]
    longest = max(stays.values(), default=0.0)
    return Condition(bool(found), f"a {rule.label} stays in zone {rule.zone} for {longest:.0f} s", found, {"stays_s": longest})


def _crowd(rule: Crowd, situation: Situation) -> Condition:
    found = situation.people(rule.zone)
    message = f"{len(found)} people in zone {rule.zone}; at most {rule.most} are allowed"
    return Condition(len(found) > rule.most, message, found, {"count": len(found)})


def _nobody_there(rule: NobodyThere, situation: Situation) -> Condition:
    found = situation.people(rule.zone)
    message = f"{len(found)} of {rule.least} required people in zone {rule.zone}"
    return Condition(len(found) < rule.least, message, found, {"count": len(found)})


def _line_crossed(rule: LineCrossed, situation: Situation) -> Condition:
    directions = ("in", "out") if rule.direction == "both" else (rule.direction,)
    newest = max(
        (crossing for each in directions if (crossing := situation.crossed_s.get((rule.line, rule.label, each)))),
        key=lambda crossing: crossing[0],
        default=None,
    )
    if newest is None or situation.now_s - newest[0] > rule.hold_s:
        return Condition(False)
    return Condition(True, f"a {rule.label} crosses line {rule.line}", [newest[1]])


def _object_left(rule: ObjectLeft, situation: Situation) -> Condition:
    pixels = _pixels(rule.zone, situation)
    holds = pixels.known and pixels.changed >= rule.share and not situation.inside.get(rule.zone)
    return Condition(holds, f"something lies in zone {rule.zone}", (), {"changed": pixels.changed})


def _helmet_missing(rule: HelmetMissing, situation: Situation) -> Condition:
    if rule.helmet not in situation.labels:
        return Condition(False)
    helmets = situation.people(None, rule.helmet)
    bare = [each for each in situation.people(rule.zone) if not any(_touch(_head(each.box), helmet.box) for helmet in helmets)]
    return Condition(bool(bare), f"{_counted(bare, 'person')} without a helmet", bare, {"count": len(bare)})


def _smoke(rule: Smoke, situation: Situation) -> Condition:
    pixels = _pixels(rule.zone or "", situation)
    holds = pixels.known and pixels.contrast <= rule.contrast
    return Condition(holds, f"smoke or dust: {pixels.contrast:.0%} of the usual contrast", (), {"contrast": pixels.contrast})


def _belt_stopped(rule: BeltStopped, situation: Situation) -> Condition:
    motion = _pixels(rule.zone, situation).motion
    return Condition(motion < rule.motion, f"belt {rule.zone} stands still", (), {"motion": motion})


def _belt_empty(rule: BeltEmpty, situation: Situation) -> Condition:
    pixels = _pixels(rule.zone, situation)
    holds = pixels.known and pixels.motion >= rule.motion and pixels.texture <= rule.texture
    figures = {"motion": pixels.motion, "texture": pixels.texture}
    return Condition(holds, f"belt {rule.zone} runs empty", (), figures)


CONDITIONS: Mapping[type[Any], Callable[[Any, Situation], Condition]] = {
    PersonInZone: _person_in_zone,
    PersonOnBelt: _person_on_belt,
    Loitering: _loitering,
    Crowd: _crowd,
    NobodyThere: _nobody_there,
    LineCrossed: _line_crossed,
    ObjectLeft: _object_left,
    HelmetMissing: _helmet_missing,
    Smoke: _smoke,
    BeltStopped: _belt_stopped,
    BeltEmpty: _belt_empty,
}


def _pixels(zone: str, situation: Situation) -> ZonePixels:
    return situation.pixels[zone]


def _head(box: Box) -> Box:
    return box[0], box[1], box[2], box[1] + HEAD_SHARE * (box[3] - box[1])


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _counted(found: Sequence[Track], label: str) -> str:
    if label == "person":
        return "a person is" if len(found) == 1 else f"{len(found)} people are"
    return f"{len(found)} x {label}"
