import numpy as np
import pytest
from supervision import Detections

from davy.analysis.tracks import MAX_MISSED, CameraTracker

SIZE = (640, 360)


def detections(*boxes, label="person"):
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.full(len(boxes), 0.8, np.float32),
        class_id=np.zeros(len(boxes), np.int64),
        data={"class_name": np.array([label] * len(boxes), dtype=np.str_)},
    )


def walker(k, start=100, speed=20):
    return (start + speed * k, 100, start + 30 + speed * k, 190)


def test_a_person_is_one_track_from_the_second_look_on():
    tracker = CameraTracker()
    looks = [tracker.update(detections(walker(k)), SIZE, k * 0.5) for k in range(8)]
    assert looks[0] == [] and {track.id for look in looks for track in look} == {looks[1][0].id}
    assert looks[7][0].foot == pytest.approx(((240 + 15) / 640, 190 / 360)) and looks[7][0].first_s == 0.5


def test_two_people_keep_their_numbers_while_they_pass_each_other():
    tracker = CameraTracker()
    for k in range(10):
        found = tracker.update(detections(walker(k), (400 - 20 * k, 60, 430 - 20 * k, 140)), SIZE, k * 0.5)
    assert sorted(track.id for track in found) == [1, 2]


def test_a_missed_look_keeps_the_track_and_many_end_it():
    tracker = CameraTracker()
    for k in range(4):
        tracker.update(detections(walker(k)), SIZE, k)
    (kept,) = tracker.update(detections(), SIZE, 5)
    assert not kept.seen
    for k in range(MAX_MISSED + 1):
        left = tracker.update(detections(), SIZE, 6 + k)
    assert left == []


def test_a_truck_never_continues_the_track_of_a_person():
    tracker = CameraTracker()
    for k in range(3):
        tracker.update(detections(walker(0)), SIZE, k)
    for k in range(3):
        found = tracker.update(detections(walker(0), label="truck"), SIZE, 3 + k)
    assert {track.label: track.id for track in found}["truck"] != 1
