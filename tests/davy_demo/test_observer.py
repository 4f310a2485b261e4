import asyncio
import math

import pytest

from davy.adapters.media import jpeg
from davy.domain.camera import CameraAddress
from davy.domain.ports import Message
from davy_demo.observer import CameraView, measure, observe
from davy_simulator.world import Mine

FACE = CameraAddress("demo", "north", "face")
SIZE = (320, 240)


def frame(seq: int, captured_ns: int = 0, payload: bytes = b"") -> Message:
    return Message("davy/v1/demo/north/cam/face/frame", payload, properties={"seq": str(seq), "captured_ns": str(captured_ns)})


def test_a_view_knows_rate_and_age():
    view = CameraView()
    for second in range(5):
        view.record(frame(second + 1, captured_ns=second * 10**9), now=float(second), now_ns=second * 10**9 + 50_000_000)
    assert view.mean_fps() == pytest.approx(1.0)
    assert view.age_ms(50) == pytest.approx(50)


def test_a_view_without_frames_has_no_rate_and_no_age():
    view = CameraView()
    assert (view.fps(now=1.0), view.mean_fps()) == (0, 0)
    assert math.isnan(view.age_ms(99))


def test_a_delivered_frame_is_measured_against_the_truth_of_its_own_instant():
    mine = Mine(seed=7, epoch_ns=0)
    truth = mine.truth("face", 2.0, SIZE)
    raw_db, enhanced_db = measure(mine, "face", frame(1, captured_ns=2 * 10**9, payload=jpeg.encode(truth, 95)))
    assert raw_db < 15
    assert enhanced_db > 25


class Loudspeaker:
    """A bus that says these messages, then nothing more."""

    connected = True

    def __init__(self, *messages: Message) -> None:
        self.messages = messages

    async def publish(self, message: Message) -> None: ...

    async def subscribe(self, topic_filters, qos=0, depth=64):
        for message in self.messages:
            yield message
        await asyncio.Event().wait()


async def test_the_observer_reports_complete_delivery_and_ignores_other_cameras():
    observed = asyncio.Event()
    views = {FACE: CameraView()}
    stranger = Message("davy/v1/demo/other/cam/x/frame", b"", properties={"seq": "1", "captured_ns": "0"})
    task = asyncio.create_task(observe(Loudspeaker(stranger, frame(3)), [FACE], views, observed.set))
    await asyncio.wait_for(observed.wait(), 5)
    task.cancel()
    assert (views[FACE].received, views[FACE].last_seq) == (1, 3)
