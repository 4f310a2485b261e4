"""Findings and assignments of cameras as messages of davy.v1.AnalysisService."""

import math
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ValidationError

from davy.adapters.grpc.envelope import MAX_FIGURES, check_jpeg
from davy.domain.alarms import MAX_TEXT
from davy.domain.bounds import check_seq
from davy.domain.camera import CameraAddress, check_id
from davy.domain.errors import InvalidInputError
from davy.domain.event import Mark
from davy.domain.observation import AnalyserResult, CameraFindings, Observation
from davy.domain.severity import Severity
from davy.place_rules import CameraPlaces, Line, PlaceRule, Zone
from davy.v1 import analysis_pb2

MAX_RESULTS, MAX_OBSERVATIONS, MAX_MARKS, MAX_ID = 32, 128, 256, 64


class _Places(BaseModel):
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    rules: tuple[PlaceRule, ...] = ()


def to_findings(findings: CameraFindings) -> analysis_pb2.CameraFindings:
    """Write findings as a message."""
    return analysis_pb2.CameraFindings(
        camera=findings.camera.key,
        boot_id=findings.boot_id,
        seq=findings.seq,
        age_s=findings.age_s,
        jpeg=findings.jpeg,
        results=[
            analysis_pb2.AnalyserResult(
                analyser=each.analyser,
                elapsed_s=each.elapsed_s,
                error=each.error[:MAX_TEXT],
                observations=[_to_observation(observation) for observation in each.observations],
            )
            for each in findings.results
        ],
    )


def from_findings(message: analysis_pb2.CameraFindings, site: str) -> CameraFindings:
    """Read findings.

    Raises:
        InvalidInputError: a field is invalid, or there are too many of something; the text names it.
    """
    _check_count("results", message.results, MAX_RESULTS)
    if not math.isfinite(message.age_s):
        raise InvalidInputError("age_s is not finite")
    return CameraFindings(
        CameraAddress.parse(message.camera, site),
        check_id("boot", message.boot_id),
        check_seq(message.seq),
        max(0.0, message.age_s),
        [_from_result(each) for each in message.results],
        check_jpeg(message.jpeg) if message.jpeg else b"",
    )


def to_assignment(
    places: Mapping[CameraAddress, CameraPlaces], lease_s: float, desired: bytes = b""
) -> analysis_pb2.AnalyseCamerasResponse:
    """Write the cameras of an analyser, with their zones, lines and rules, and the detector that it is to run."""
    return analysis_pb2.AnalyseCamerasResponse(
        lease_ms=round(lease_s * 1000),
        desired=desired.decode(),
        cameras=[
            analysis_pb2.CameraAssignment(
                camera=camera.key, places=_Places(zones=zones, lines=lines, rules=rules).model_dump_json()
            )
            for camera, (zones, lines, rules) in places.items()
        ],
    )


def from_assignment(message: analysis_pb2.AnalyseCamerasResponse, site: str) -> dict[CameraAddress, CameraPlaces]:
    """Read the cameras of an analyser.

    Raises:
        InvalidInputError: a camera or a rule is invalid, such as one of a newer version.
    """
    found: dict[CameraAddress, CameraPlaces] = {}
    for each in message.cameras:
        try:
            places = _Places.model_validate_json(each.places)
        except ValidationError as error:
            raise InvalidInputError(f"rules of camera {each.camera}: {error.errors()[0]['msg']}") from error
        found[CameraAddress.parse(each.camera, site)] = (places.zones, places.lines, places.rules)
    return found


def _to_observation(observation: Observation) -> analysis_pb2.Observation:
    return analysis_pb2.Observation(
        kind=observation.kind,
        active=observation.active,
        severity=int(observation.severity),  # type: ignore[arg-type]  # a plain number of the enum
        message=observation.message,
        over=observation.over,
        figures=observation.figures,
        part=observation.part,
        marks=[
            analysis_pb2.Mark(x=mark.x, y=mark.y, width=mark.width, height=mark.height, label=mark.label, score=mark.score)
            for mark in observation.marks
        ],
    )


def _from_result(message: analysis_pb2.AnalyserResult) -> AnalyserResult:
    _check_count("observations", message.observations, MAX_OBSERVATIONS)
    return AnalyserResult(
        check_id("analyser", message.analyser),
        message.elapsed_s if math.isfinite(message.elapsed_s) else 0.0,
        [_from_observation(each) for each in message.observations],
        message.error[:MAX_TEXT],
    )


def _from_observation(message: analysis_pb2.Observation) -> Observation:
    _check_count("marks", message.marks, MAX_MARKS)
    _check_count("figures", message.figures, MAX_FIGURES)
    if max(len(message.message), len(message.over)) > MAX_TEXT:
        raise InvalidInputError(f"a text of an observation has at most {MAX_TEXT} characters")
    return Observation(
        check_id("event kind", message.kind),
        message.active,
        Severity.nearest(message.severity),
        message.message,
        message.over,
        {name: value for name, value in message.figures.items() if math.isfinite(value) and len(name) <= MAX_ID},
        [_from_mark(each) for each in message.marks],
        check_id("rule", message.part) if message.part else "",
    )


def _from_mark(message: analysis_pb2.Mark) -> Mark:
    sides = (message.x, message.y, message.width, message.height, message.score)
    if not all(math.isfinite(side) for side in sides) or len(message.label) > MAX_TEXT:
        raise InvalidInputError("a mark has four finite sides, a finite score and a short label")
    x, y, width, height, score = (min(1.0, max(0.0, side)) for side in sides)
    return Mark(x, y, width, height, message.label, score)


def _check_count(name: str, values: Iterable[object], most: int) -> None:
    if len(list(values)) > most:
        raise InvalidInputError(f"over {most} {name}")
