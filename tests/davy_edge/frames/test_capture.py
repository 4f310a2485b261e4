import threading
import time

import numpy as np
import pytest

from davy.domain.errors import CameraStalledError, CameraUnavailableError, ConfigError
from davy.domain.frame import Frame
from davy.domain.ports import SourceOptions
from davy.domain.secret_url import SecretUrl
from davy.streams.reconnect import Backoff
from davy_edge.frames import capture as module
from davy_edge.frames.capture import CameraState, Capture


class Scripted:
    """A camera that does what its script says: frames, errors to raise, or "hang"."""

    def __init__(self, script) -> None:
        self.script, self.closed = list(script), threading.Event()

    def read(self) -> Frame:
        what = self.script.pop(0) if self.script else "hang"
        if isinstance(what, Exception):
            raise what
        if what == "hang":
            self.closed.wait(20)
            raise CameraUnavailableError("scripted", "closed")
        return Frame(np.zeros((16, 16, 3), np.uint8), time.time_ns())

    def close(self) -> None:
        self.closed.set()


class Deaf(Scripted):
    """Its close does not end its read, as with a broken driver."""

    def close(self) -> None:
        return


@pytest.fixture
def watch(monkeypatch):
    """Runs scripts, one per opening; gives the states told and the frames taken."""
    monkeypatch.setattr(module, "BACKOFF", Backoff(0.02, 0.05))
    running = []

    def run(*openings, timeout_s=0.2):
        states, frames, left = [], [], list(openings)

        def opener(url, options):
            opening = left.pop(0) if left else Scripted(["hang"])
            if isinstance(opening, Exception):
                raise opening
            return opening

        capture = Capture(
            "face",
            SecretUrl("rtsp://a:b@camera"),
            SourceOptions(timeout_s=timeout_s),
            opener,
            frames.append,
            lambda *state: states.append(state),
        )
        running.append(capture)
        capture.start()
        return capture, states, frames

    yield run
    for capture in running:
        capture.stop()


def until(condition) -> None:
    ends = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.01)


def test_a_camera_is_online_with_its_first_frame(watch):
    _, states, frames = watch(Scripted(["frame", "frame"]))
    until(lambda: len(frames) == 2)
    assert states == [(CameraState.ONLINE, "")]


def test_a_stalled_camera_is_opened_again(watch):
    _, states, _ = watch(Scripted(["frame", CameraStalledError("x", "silent for 5 s")]), Scripted(["frame"]))
    until(lambda: len(states) == 3)
    assert [state for state, _ in states] == ["online", "stalled", "online"]
    assert states[1][1] == "silent for 5 s"


def test_a_camera_that_is_not_there_is_tried_again(watch):
    gone = CameraUnavailableError("x", "Connection refused")
    _, states, frames = watch(gone, gone, Scripted(["frame"]))
    until(lambda: frames)
    until(lambda: len(states) == 2)
    assert states == [(CameraState.OFFLINE, "Connection refused"), (CameraState.ONLINE, "")]


@pytest.mark.parametrize("error", [ConfigError("no such scheme"), ZeroDivisionError("bug")])
def test_any_other_exception_is_an_error_and_capture_continues(watch, error):
    _, states, frames = watch(error, Scripted(["frame"]))
    until(lambda: frames)
    assert states[0][0] == "error"
    assert str(error) in states[0][1]


def test_a_source_that_hangs_is_left_behind_by_the_watchdog(watch, monkeypatch):
    monkeypatch.setattr(module, "HANG_MARGIN_S", 0.1)
    hanging = Deaf(["frame", "hang"])
    capture, states, frames = watch(hanging, Scripted(["frame"]), timeout_s=0.1)
    until(lambda: len(frames) == 1)
    time.sleep(0.4)
    capture.check()
    until(lambda: len(states) == 3)
    assert [state for state, _ in states] == ["online", "stalled", "online"]
    hanging.closed.set()


def test_threads_that_hang_are_bounded(watch, monkeypatch):
    monkeypatch.setattr(module, "HANG_MARGIN_S", 0.02)
    sources = [Deaf(["hang"]) for _ in range(20)]
    capture, states, _ = watch(*sources, timeout_s=0.01)
    for _ in range(12):
        time.sleep(0.06)
        capture.check()
    assert sum(thread.is_alive() for thread in capture._threads) == module.MAX_HANGING + 1
    assert states[-1][0] == "error"
    for source in sources:
        source.closed.set()


@pytest.mark.alone
def test_stop_ends_the_thread(watch):
    capture, _, frames = watch(Scripted(["frame", "hang"]))
    until(lambda: frames)
    began = time.monotonic()
    capture.stop()
    assert time.monotonic() - began < 1
    assert not any(thread.is_alive() for thread in capture._threads)


def test_a_rate_is_taken_over_by_a_source_that_can_and_is_asked_of_no_other():
    class Steady(Scripted):
        fps = 0.0

        def set_fps(self, fps: float) -> bool:
            self.fps = fps
            return fps <= 10

    source = Steady(["frame", "hang"])
    online = threading.Event()
    capture = Capture(
        "face",
        SecretUrl("x://y"),
        SourceOptions(fps=20),
        lambda url, options: source,
        lambda frame: None,
        lambda *answer: online.set(),
    )
    assert not capture.set_fps(5)  # it is not open
    capture.start()
    assert online.wait(5)
    assert (capture.set_fps(5), source.fps) == (True, 5)
    assert not capture.set_fps(50)
    capture.stop()
    assert not capture.set_fps(5)


def test_a_source_that_receives_data_between_key_frames_does_not_hang(watch, monkeypatch):
    monkeypatch.setattr(module, "HANG_MARGIN_S", 0.1)

    class Listening(Scripted):
        @property
        def last_data_s(self) -> float:
            return time.monotonic()

    capture, states, _ = watch(Listening(["frame", "hang"]))
    until(lambda: states)
    ends = time.monotonic() + 1
    while time.monotonic() < ends:  # twice the limit
        capture.check()
        time.sleep(0.02)
    assert [state for state, _ in states] == [CameraState.ONLINE]
