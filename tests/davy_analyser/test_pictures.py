from davy.domain.observation import AnalyserResult, Observation
from davy.domain.severity import Severity
from davy_analyser.pictures import PictureChoice


def seen(active: bool) -> list[AnalyserResult]:
    return [AnalyserResult("people", 0.02, [Observation("person", active, Severity.INFO, "a person is in view")])]


def test_a_picture_goes_along_while_an_event_may_begin_and_then_every_ten_seconds():
    now_s = [100.0]
    choice = PictureChoice(lambda: now_s[0])
    sent = []
    for _ in range(40):
        sent.append(choice.wants(seen(True)))
        now_s[0] += 0.5
    assert [number for number, wanted in enumerate(sent) if wanted] == [0, 1, 2, 22]


def test_a_finding_that_ended_may_begin_again():
    choice = PictureChoice()
    assert [choice.wants(seen(active)) for active in (True, True, True, True, False, True)] == [
        True,
        True,
        True,
        False,
        False,
        True,
    ]


def test_nothing_found_needs_no_picture():
    assert not PictureChoice().wants([*seen(False), AnalyserResult("decode", 0.0, error="it is no JPEG")])
