"""A settled camera's frame allocates nothing that grows with the picture, and touches no page for the first time."""

import resource
import tracemalloc

import numpy as np
import pytest
from tests.imaging.runtime.test_yuv import as_yuv

from davy.domain.frame import YuvImage
from davy.imaging.runtime import StillEnhancer, VideoEnhancer

FRAMES, SHAPE = 30, (540, 960, 3)  # three looks of the network


@pytest.fixture(params=["BGR", "YUV"])
def step(request, threads):
    """The next frame of a camera that has shown a few."""
    rng = np.random.default_rng(6)
    frames = [rng.integers(20, 40, SHAPE, np.uint8) for _ in range(3)]
    planes = [as_yuv(frame) for frame in frames]
    video, out = VideoEnhancer(StillEnhancer(threads=threads)), np.empty_like(frames[0])
    planes_out = YuvImage(*(np.empty_like(plane) for plane in (planes[0].y, planes[0].u, planes[0].v)))

    def step(index):
        if request.param == "BGR":
            video.enhance(frames[index % 3], out=out)
        else:
            video.enhance_yuv(planes[index % 3], out=planes_out)

    for index in range(12):
        step(index)
    return step


@pytest.mark.parametrize("threads", [1, 2])
def test_a_frame_allocates_far_less_than_a_plane(step):
    tracemalloc.start()
    try:
        step(0)
        held, most = tracemalloc.get_traced_memory()[0], []
        for index in range(FRAMES):
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            step(index)
            most.append(tracemalloc.get_traced_memory()[1] - before)
        kept = tracemalloc.get_traced_memory()[0] - held
    finally:
        tracemalloc.stop()
    assert max(most) < 80 * 1024  # the parameters of a look, and what Python needs to call: a plane is six times that
    assert kept < 80 * 1024


@pytest.mark.parametrize("threads", [1, 2])
def test_every_page_was_touched_by_the_frames_before(step):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for index in range(FRAMES):
        step(index)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 2 * FRAMES  # a plane alone has 126 pages
