"""Rules about places: zones and lines in a camera's picture, and the conditions that raise an alarm there.

A rule is a typed entry of a camera's `rules`. Points are fractions of the picture: [0, 0] is left top, [1, 1] right bottom.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from davy.domain.camera import ID_PATTERN
from davy.domain.severity import Severity

MAX_POINTS, MAX_ZONES, MAX_RULES = 32, 32, 64
MIN_AREA = 1e-4  # of the picture: a smaller polygon is a slip of the pointer

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Point = tuple[Fraction, Fraction]
Name = Annotated[str, Field(pattern=f"^{ID_PATTERN}$", description="Name within the camera, [a-z0-9-]{1,64}.")]
Label = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,50}$", description="Class name of the detector.")]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _checked_clock(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError("write a time of day as 06:00")
    return text


Clock = Annotated[str, AfterValidator(_checked_clock)]


class _Place(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Schedule(_Place):
    """When a rule holds, in the site's time. An end before the start means the next day; equal times mean all day."""

    days: tuple[Day, ...] = Field(DAYS, min_length=1, max_length=7, description="Days on which the time of the rule begins.")
    start: Clock = Field("00:00", description="Time of day, such as 22:00.")
    end: Clock = Field("00:00", description="Time of day, such as 06:00.")

    def covers(self, now: datetime) -> bool:
        """Whether the rule holds at a local time."""
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        today, yesterday = DAYS[now.weekday()] in self.days, DAYS[now.weekday() - 1] in self.days
        clock = now.time().replace(tzinfo=None)
        if start == end:
            return (today and clock >= start) or (yesterday and clock < end)
        if start < end:
            return today and start <= clock < end
        return (today and clock >= start) or (yesterday and clock < end)


class Zone(_Place):
    """An area of the picture, on the ground: a person is in it whose feet are."""

    name: Name
    polygon: tuple[Point, ...] = Field(min_length=3, max_length=MAX_POINTS, description="Corners, as fractions of the picture.")

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        following = (*self.polygon[1:], self.polygon[0])
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(self.polygon, following, strict=True)) / 2
        if abs(area) < MIN_AREA:
            raise ValueError(f"polygon of zone {self.name!r} encloses no area")
        return self


class Line(_Place):
    """A line across the picture. Out means from its left to its right, seen from start to end; in means back."""

    name: Name
    start: Point
    end: Point

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.start == self.end:
            raise ValueError(f"line {self.name!r} has no length")
        return self


class _Rule(_Place):
    name: Name
    enabled: bool = Field(True, description="false: the rule is not evaluated.")
    severity: Literal["info", "warning", "alarm"] = Field("alarm", description="Of its alarm.")
    schedule: Schedule = Field(Schedule(), description="When it holds; absent: always.")

    @property
    def level(self) -> Severity:
        """The severity as a number."""
        return Severity.named(self.severity)


class _ZoneRule(_Rule):
    zone: Name = Field(description="Name of a zone of the same camera.")


class PersonInZone(_ZoneRule):
    """Somebody is where nobody may be."""

    kind: Literal["person-in-zone"] = "person-in-zone"
    for_s: Seconds = Field(0.5, description="Time in the zone before the alarm.")
    label: Label = "person"


class PersonOnBelt(_ZoneRule):
    """Somebody is on a belt that runs."""

    kind: Literal["person-on-belt"] = "person-on-belt"
    for_s: Seconds = Field(0.5, description="Time on the belt before the alarm.")
    motion: Fraction = Field(
        0.02, description="The belt runs if the mean change of its zone between two pictures reaches this."
    )


class Loitering(_ZoneRule):
    """The same person stays."""

    kind: Literal["loitering"] = "loitering"
    for_s: Seconds = Field(120.0, description="Time in the zone before the alarm.")
    label: Label = "person"


class Crowd(_ZoneRule):
    """More people than allowed."""

    kind: Literal["crowd"] = "crowd"
    for_s: Seconds = Field(5.0, description="Time before the alarm.")
    most: int = Field(ge=1, le=1000, description="Largest allowed number of people.")


class NobodyThere(_ZoneRule):
    """Nobody is where somebody has to be."""

    kind: Literal["nobody-there"] = "nobody-there"
    for_s: Seconds = Field(60.0, description="Time before the alarm.")
    least: int = Field(1, ge=1, le=100, description="Smallest required number of people.")


class LineCrossed(_Rule):
    """Somebody crosses a line."""

    kind: Literal["line-crossed"] = "line-crossed"
    line: Name = Field(description="Name of a line of the same camera.")
    direction: Literal["in", "out", "both"] = "both"
    label: Label = "person"
    hold_s: Seconds = Field(5.0, description="Time that the alarm's condition lasts after a crossing.")


class ObjectLeft(_ZoneRule):
    """Something new lies still in the zone, and nobody stands there."""

    kind: Literal["object-left"] = "object-left"
    for_s: Seconds = Field(60.0, description="Time before the alarm.")
    share: Fraction = Field(0.02, description="Smallest share of the zone that has to differ from its usual picture.")


class HelmetMissing(_Rule):
    """A person without a helmet; the detector needs a class for helmets."""

    kind: Literal["helmet-missing"] = "helmet-missing"
    zone: Name | None = Field(None, description="Name of a zone of the same camera; absent: the whole picture.")
    for_s: Seconds = Field(3.0, description="Time before the alarm.")
    helmet: Label = "helmet"


class Smoke(_Rule):
    """Smoke or dust rises: contrast falls and the light becomes more even than usual."""

    kind: Literal["smoke"] = "smoke"
    zone: Name | None = Field(None, description="Name of a zone of the same camera; absent: the whole picture.")
    for_s: Seconds = Field(10.0, description="Time before the alarm.")
    contrast: Fraction = Field(0.6, description="Alarm below this share of the usual contrast.")


class BeltStopped(_ZoneRule):
    """A belt that should run stands still."""

    kind: Literal["belt-stopped"] = "belt-stopped"
    for_s: Seconds = Field(10.0, description="Time before the alarm.")
    motion: Fraction = Field(
        0.02, description="The belt runs if the mean change of its zone between two pictures reaches this."
    )


class BeltEmpty(_ZoneRule):
    """A belt runs without load: it moves, and its surface is smoother than usual."""

    kind: Literal["belt-empty"] = "belt-empty"
    for_s: Seconds = Field(60.0, description="Time before the alarm.")
    motion: Fraction = Field(
        0.005, description="The belt runs if the mean change of its zone between two pictures reaches this."
    )
    texture: Fraction = Field(0.6, description="Alarm below this share of the usual texture.")


PlaceRule = Annotated[
    PersonInZone
    | PersonOnBelt
    | Loitering
    | Crowd
    | NobodyThere
    | LineCrossed
    | ObjectLeft
    | HelmetMissing
    | Smoke
    | BeltStopped
    | BeltEmpty,
    Field(discriminator="kind"),
]
"""One rule; `kind` names its type."""

CameraPlaces = tuple[Sequence[Zone], Sequence[Line], Sequence[PlaceRule]]
"""Zones, lines and rules of one camera."""

RULE_TYPES: tuple[type[_Rule], ...] = (
    PersonInZone,
    PersonOnBelt,
    Loitering,
    Crowd,
    NobodyThere,
    LineCrossed,
    ObjectLeft,
    HelmetMissing,
    Smoke,
    BeltStopped,
    BeltEmpty,
)


def check_places(zones: Iterable[Zone], lines: Iterable[Line], rules: Iterable[PlaceRule]) -> None:
    """Check that names are unique and that every rule names an existing zone or line.

    Raises:
        ValueError: the text names the rule.
    """
    zone_names = _unique("zones", [zone.name for zone in zones])
    line_names = _unique("lines", [line.name for line in lines])
    listed = list(rules)
    _unique("rules", [rule.name for rule in listed])
    for rule in listed:
        if isinstance(rule, LineCrossed):
            if rule.line not in line_names:
                raise ValueError(f"rule {rule.name!r}: the camera has no line {rule.line!r}")
        elif rule.zone is not None and rule.zone not in zone_names:
            raise ValueError(f"rule {rule.name!r}: the camera has no zone {rule.zone!r}")


def _unique(what: str, names: list[str]) -> set[str]:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{what}: {twice[0]!r} stands twice")
    return set(names)
