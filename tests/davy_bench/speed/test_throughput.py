import numpy as np

from davy_bench.speed.throughput import BURSTS, CAMERAS, measure_throughput

FRAMES = [np.full((48, 64, 3), value, np.uint8) for value in (20, 21, 22)]


def test_all_cameras_are_served_and_the_codec_alone_is_faster(still):
    ticks = []
    found = measure_throughput(FRAMES, still, lambda done, total: ticks.append(done), burst_s=0.05)
    assert found.cameras == CAMERAS
    assert found.fps.low <= found.fps.median <= found.fps.high
    assert found.codec_fps.median > found.fps.median > CAMERAS
    assert found.cpu_ms.median > 0
    assert ticks == list(range(BURSTS + 1))
