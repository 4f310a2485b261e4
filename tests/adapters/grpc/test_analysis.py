import math

import pytest

from davy.adapters.grpc.analysis import from_assignment, from_findings, to_assignment, to_findings
from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidInputError
from davy.domain.event import Mark
from davy.domain.observation import AnalyserResult, CameraFindings, Observation
from davy.domain.severity import Severity
from davy.place_rules import Crowd, Line, Zone
from davy.v1 import analysis_pb2

CAMERA = CameraAddress("mine", "north", "face")
MARK = Mark(0.25, 0.5, 0.125, 0.25, "person", 0.5)
SEEN = Observation("person", True, Severity.INFO, "a person is in view", "nobody", {"count": 1.0}, [MARK], "keep-out")
FINDINGS = CameraFindings(CAMERA, "boot", 7, 0.25, [AnalyserResult("people", 0.5, [SEEN])], b"\xff\xd8jpeg")


def test_findings_come_back_as_they_went():
    assert from_findings(to_findings(FINDINGS), "mine") == FINDINGS


def test_rules_come_back_as_they_went():
    zone = Zone(name="belt", polygon=((0, 0), (1, 0), (1, 1)))
    line = Line(name="gate", start=(0, 0), end=(1, 1))
    places = {CAMERA: ((zone,), (line,), (Crowd(kind="crowd", name="many", zone="belt", most=5),))}
    assert from_assignment(to_assignment(places, 1.2), "mine") == places


@pytest.mark.parametrize(
    "broken",
    [
        {"camera": "no camera"},
        {"boot_id": "A B"},
        {"seq": 2**63},
        {"age_s": math.nan},
        {"jpeg": b"GIF89a"},
        {"results": [analysis_pb2.AnalyserResult(analyser="x")] * 33},
        {"results": [analysis_pb2.AnalyserResult(analyser="a b")]},
        {"results": [analysis_pb2.AnalyserResult(analyser="x", observations=[analysis_pb2.Observation(kind="Not An Id")])]},
        {
            "results": [
                analysis_pb2.AnalyserResult(analyser="x", observations=[analysis_pb2.Observation(kind="k", message="m" * 501)])
            ]
        },
        {
            "results": [
                analysis_pb2.AnalyserResult(
                    analyser="x", observations=[analysis_pb2.Observation(kind="k", marks=[analysis_pb2.Mark(x=math.inf)])]
                )
            ]
        },
    ],
)
def test_a_broken_message_is_refused(broken):
    message = analysis_pb2.CameraFindings(camera="north.face", boot_id="boot", seq=1)
    message.MergeFrom(analysis_pb2.CameraFindings(**broken))
    with pytest.raises(InvalidInputError):
        from_findings(message, "mine")


def test_marks_are_cut_to_the_picture():
    observation = analysis_pb2.Observation(kind="k", marks=[analysis_pb2.Mark(x=-0.5, width=2)])
    result = analysis_pb2.AnalyserResult(analyser="x", observations=[observation])
    message = analysis_pb2.CameraFindings(camera="north.face", boot_id="boot", seq=1, results=[result])
    (mark,) = from_findings(message, "mine").results[0].observations[0].marks
    assert (mark.x, mark.width) == (0.0, 1.0)
