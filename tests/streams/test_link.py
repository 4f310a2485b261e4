"""A simulated link: what the adaptation sends arrives at a given bandwidth and is acknowledged a round trip later."""

from collections import deque

import pytest

from davy.streams.link import LEVELS, MOST_QUIET_S, LinkAdaptation

FPS, TRIP_S, WINDOW = 10, 0.2, 4
FULL_BYTES = 100_000  # of a frame at level 0


class Camera:
    """One camera with one slot in front of a link of bytes_per_s."""

    def __init__(self, bytes_per_s: float, enabled: bool = True) -> None:
        self.link: LinkAdaptation[str] = LinkAdaptation(enabled)
        self.bytes_per_s, self.now_s, self.seq = bytes_per_s, 0.0, 0
        self.waiting: tuple[float, int, int] | None = None  # since, seq, size
        self.held = False
        self.free_s = 0.0
        self.answers: deque[tuple[float, int]] = deque()
        self.ages_s: list[float] = []
        self.indices: list[int] = []

    def run(self, seconds: float) -> None:
        """Ticks of 10 ms; a frame every 100 ms."""
        for tick in range(int(seconds * 100)):
            self.now_s += 0.01
            while self.answers and self.answers[0][0] <= self.now_s:
                self.link.answer("face", self.answers.popleft()[1], self.now_s)
            if tick % (100 // FPS) == 0:
                self._capture()
            if self.waiting and self.link.may_send() and len(self.answers) < WINDOW:
                self._send()
            self.held = self.waiting is not None
            self.indices.append(self.link.index)

    def _capture(self) -> None:
        self.seq += 1
        size = int(FULL_BYTES * self.link.level.cost / self.link.level.rate)
        if not self.link.offer("face", size, self.now_s):
            return
        if self.waiting:
            self.link.late(self.now_s)
        self.waiting = (self.now_s, self.seq, size)

    def _send(self) -> None:
        since_s, seq, size = self.waiting
        self.waiting = None
        self.link.send("face", seq, size, self.now_s, held=self.held)
        self.free_s = max(self.free_s, self.now_s) + size / self.bytes_per_s
        self.answers.append((self.free_s + TRIP_S, seq))
        self.ages_s.append(self.free_s + TRIP_S / 2 - since_s)


def test_a_fast_link_keeps_whole_pictures():
    camera = Camera(2 * FPS * FULL_BYTES)
    camera.run(30)
    assert set(camera.indices) == {0}


@pytest.mark.parametrize("share", [0.6, 0.25, 0.08, 0.03])
def test_frames_fit_the_link_and_stay_young(share):
    """A share of what whole pictures need. The first two of them are sent before the link is known."""
    camera = Camera(share * FPS * FULL_BYTES)
    camera.run(10 if share > 0.05 else 20)
    count, indices = len(camera.ages_s), len(camera.indices)
    camera.run(30)
    settled = [LEVELS[index] for index in camera.indices[indices:]]
    assert sum(level.cost for level in settled) / len(settled) < 1.25 * share
    assert max(camera.ages_s[count:]) < 1
    assert (len(camera.ages_s) - count) / 30 >= 8 * sum(level.rate for level in settled) / len(settled)


def test_the_bandwidth_is_what_the_link_carried():
    camera = Camera(200_000)
    camera.run(20)
    assert 100_000 < camera.link.bandwidth <= 210_000


def test_a_link_that_recovers_gets_whole_pictures_step_by_step():
    camera = Camera(0.08 * FPS * FULL_BYTES)
    camera.run(10)
    slow = camera.link.index
    camera.bytes_per_s = 10 * FPS * FULL_BYTES
    camera.run(15 * slow)
    assert (slow >= 5, camera.link.index) == (True, 0)


def test_failed_trials_become_rare():
    camera = Camera(0.25 * FPS * FULL_BYTES)
    camera.run(300)
    changes = [at for at in range(1, len(camera.indices)) if camera.indices[at] != camera.indices[at - 1]]
    assert len([at for at in changes if at > 20_000]) <= 2 + 2 * 100 / MOST_QUIET_S  # of the last 100 s


def test_without_adaptation_the_level_is_0_and_nothing_waits():
    camera = Camera(0.03 * FPS * FULL_BYTES, enabled=False)
    camera.run(5)
    assert (set(camera.indices), camera.link.may_send()) == ({0}, True)


def test_a_lower_rate_leaves_frames_out_evenly():
    link: LinkAdaptation[str] = LinkAdaptation()
    link.index = len(LEVELS) - 1
    taken = [link.offer("face", 1000, 0.01 * each) for each in range(40)]
    assert [at for at, is_taken in enumerate(taken) if is_taken] == [0, 3, *range(7, 40, 4)]
