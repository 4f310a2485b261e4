import json

import pytest

from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidInputError
from davy.domain.ports import Message
from davy_aggregator.presence import PresenceTracker

FACE = CameraAddress("mine", "north", "face")


@pytest.fixture
def tracker():
    return PresenceTracker("mine")


def publish(tracker, leaf, payload, edge="north", site="mine"):
    tracker.apply(
        Message(f"davy/v1/{site}/{edge}/{leaf}", payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    )


def test_a_silent_edge_is_neither_online_nor_offline(tracker):
    assert tracker.edge("north").online is None


def test_the_moment_of_a_status_is_that_of_its_change(tracker):
    publish(tracker, "status", b"online")
    since = tracker.edge("north").since_ns
    publish(tracker, "status", b"online")
    assert (tracker.edge("north").online, tracker.edge("north").since_ns) == (True, since)
    publish(tracker, "status", b"offline")
    assert tracker.edge("north").online is False
    assert tracker.edge("north").since_ns > since


def test_a_cameras_status_and_figures_are_found(tracker):
    publish(tracker, "cam/face/status", {"state": "stalled", "reason": "no frame for 5 s"})
    publish(tracker, "stats", {"cameras": {"face": {"captured": 7}}})
    assert (tracker.camera(FACE).state, tracker.camera(FACE).reason) == ("stalled", "no frame for 5 s")
    assert tracker.camera_stats(FACE) == {"captured": 7}


@pytest.mark.parametrize(
    ("leaf", "payload"),
    [
        ("status", b"perhaps"),
        ("info", b"{"),
        ("info", b"[1]"),
        ("info", b"[" * 60_000),
        ("stats", b"\xff\xfe"),
        ("stats", b'{"rss_bytes": NaN}'),
        ("stats", b'{"rss_bytes": 1e999}'),
        ("stats", bytes(70_000)),
        ("cam/face/status", b"online"),
        ("cam/face/frame", b"{}"),
        ("else", b"{}"),
    ],
)
def test_a_payload_that_does_not_fit_its_topic_is_rejected(tracker, leaf, payload):
    with pytest.raises(InvalidInputError):
        publish(tracker, leaf, payload)


def test_another_sites_words_are_refused(tracker):
    with pytest.raises(InvalidInputError):
        publish(tracker, "status", b"online", site="other")


@pytest.mark.parametrize("stats", [{"cameras": 3}, {"cameras": {"face": 3}}, {}])
def test_stats_of_another_form_are_no_figures(tracker, stats):
    publish(tracker, "stats", stats)
    assert tracker.camera_stats(FACE) == {}


def test_edges_are_bounded(tracker):
    for n in range(1024):
        publish(tracker, "status", b"online", edge=f"e{n}")
    with pytest.raises(InvalidInputError, match="1024 edges"):
        publish(tracker, "status", b"online", edge="one-too-many")


def test_a_camera_that_was_taken_out_has_no_state_any_more(tracker):
    publish(tracker, "cam/face/status", {"state": "offline", "reason": "it was taken out of the configuration"})
    publish(tracker, "cam/face/status", b"")
    assert tracker.camera(FACE).state == ""
