import numpy as np

from davy.adapters.media import jpeg, planes
from davy_bench.methods.peers import has_openvino
from davy_bench.speed.methods import (
    CLAHE,
    CODEC,
    COPY,
    DAVY_PATHS,
    LEARNED,
    LUT,
    NETWORK_INTERVAL,
    into_buffer,
    timed_methods,
    transcode,
)

FRAMES = [np.full((48, 64, 3), value, np.uint8) for value in (20, 21, 22)]


def test_every_method_runs_once_per_number_of_threads(still):
    found = timed_methods(FRAMES, {1: still, 2: still})
    engines = LEARNED if has_openvino() else LEARNED[:1]
    names = {COPY, LUT, CLAHE, CODEC, *DAVY_PATHS, *engines}
    assert sorted(each.key for each in found) == sorted((name, threads) for name in names for threads in (1, 2))
    for each in found:
        each.run()
        assert each.frames == (NETWORK_INTERVAL if each.name in (*DAVY_PATHS[1:], CODEC) else 1)


def test_the_buffer_is_reused(still):
    run = into_buffer(still, FRAMES[0])
    assert run(FRAMES[0]) is run(FRAMES[1])


def test_a_jpeg_becomes_a_changed_jpeg():
    found = transcode(lambda image: planes.from_luma(np.full_like(image.y, 200)))(jpeg.encode(FRAMES[0]))
    assert jpeg.decode(found).mean() == 200
