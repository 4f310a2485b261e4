import numpy as np
import pytest
from tests.imaging.runtime.conftest import as_low_light, photographs
from tests.imaging.runtime.test_yuv import as_yuv

from davy.domain.dials import Dials
from davy.domain.errors import InvalidInputError, ShapeError
from davy.imaging.runtime import VideoEnhancer, video


def luma(image):
    return float((image.astype(np.float32) @ np.float32([0.114, 0.587, 0.299])).mean())


@pytest.fixture(scope="module")
def scene():
    """A still scene as a noisy camera sees it, frame after frame."""
    base = as_low_light(photographs()["chelsea"], "mine").astype(np.float32)
    rng = np.random.default_rng(3)
    return [np.clip(base + rng.normal(0, 4, base.shape), 0, 255).astype(np.uint8) for _ in range(40)]


def test_a_still_noisy_scene_does_not_flicker(still, scene):
    camera = VideoEnhancer(still, every=5)
    levels = [luma(camera.enhance(frame)) for frame in scene]
    raw = [luma(frame) for frame in scene]
    assert np.std(levels[20:]) < 0.3, f"of 255, once the noise has settled; raw {np.std(raw):.3f}"
    assert np.abs(np.diff(levels)).max() < 0.5


def test_the_first_frame_is_what_a_still_is(still, scene):
    assert np.array_equal(VideoEnhancer(still).enhance(scene[0]), still.enhance(scene[0]))


@pytest.mark.parametrize("name", ["chelsea", "coffee"])  # the same scene with its light switched on; another scene
def test_a_cut_is_followed_at_once(still, scene, name):
    other = np.ascontiguousarray(photographs()[name][:300, :451])
    camera = VideoEnhancer(still, every=1000)
    for frame in (*scene[:7], other, scene[0]):
        last = camera.enhance(frame)
        if frame is other:
            assert np.array_equal(last, still.enhance(other))
    assert np.array_equal(last, still.enhance(scene[0]))


def test_a_slow_change_is_followed_smoothly(still, scene):
    camera = VideoEnhancer(still, every=5)
    fading = [(scene[0] * (1 - 0.01 * k)).astype(np.uint8) for k in range(40)]
    fading += [fading[-1]] * 50
    levels = [luma(camera.enhance(frame)) for frame in fading]
    assert np.abs(np.diff(levels)).max() < 4
    assert abs(levels[-1] - luma(still.enhance(fading[-1]))) < 0.5


def test_the_network_runs_once_in_so_many_frames(still, scene):
    class Counting:
        def __init__(self):
            self.calls, self.threads = 0, 1

        def parameters(self, space):
            self.calls += 1
            return still.parameters(space)

    counting = Counting()
    camera = VideoEnhancer(counting, every=10)
    for frame in scene[:30]:
        camera.enhance(frame)
    assert counting.calls == 3


def passing(scene):
    """A man walks through the scene."""
    for index, frame in enumerate(scene):
        walked = frame.copy()
        walked[60:180, 8 * index : 8 * index + 40] = 110
        yield walked


@pytest.mark.parametrize("way", ["bytes", "planes"])
def test_maps_that_are_kept_where_nothing_moves_are_as_good_as_new(still, scene, monkeypatch, way):
    kept, anew, differences = VideoEnhancer(still), VideoEnhancer(still), []
    for frame in passing(scene):
        shown = []
        for camera, frames in ((kept, video.REUSE_FRAMES), (anew, 1)):
            with monkeypatch.context() as patch:
                patch.setattr(video, "REUSE_FRAMES", frames)
                shown.append(camera.enhance(frame) if way == "bytes" else camera.enhance_yuv(as_yuv(frame)).y)
        differences.append(np.abs(shown[0].astype(int) - shown[1]))
    assert max(difference.mean() for difference in differences) < 1, "of 255: parameters a frame behind"
    assert max(np.percentile(difference, 99.9) for difference in differences) <= 8, "one frame of ten, after a look"


@pytest.mark.parametrize("name", ["chelsea", "coffee"])  # a cut is known when the picture is already written over
def test_a_frame_may_be_written_over_itself(still, scene, name):
    other = np.ascontiguousarray(photographs()[name][:300, :451])
    apart, over = VideoEnhancer(still), VideoEnhancer(still)
    for frame in (*scene[:4], other, *scene[4:8]):
        buffer = frame.copy()
        assert np.array_equal(over.enhance(buffer, out=buffer), apart.enhance(frame))


def test_another_model_with_maps_of_another_resolution_comes_in_smoothly(still, runtime, scene):
    camera = VideoEnhancer(still, every=5)
    shown = [camera.enhance(frame) for frame in scene[:5]]
    for enhancer in (runtime, still):
        camera.swap(enhancer)
        shown += [camera.enhance(frame) for frame in scene[5:40]]
        settled = VideoEnhancer(enhancer, every=5)
        for frame in scene[5:40]:
            last = settled.enhance(frame)
        assert abs(luma(shown[-1]) - luma(last)) < 1
    whole = abs(luma(shown[39]) - luma(shown[4]))
    assert np.abs(np.diff([luma(image) for image in shown])).max() < 0.8 * whole


def test_dials_act_from_the_next_frame_on(still, scene):
    camera, plain = VideoEnhancer(still), VideoEnhancer(still)
    for frame in scene[:5]:
        camera.enhance(frame), plain.enhance(frame)
    brighter = camera.enhance(scene[5], dials=Dials(brightness=0.5))
    assert luma(brighter) > luma(plain.enhance(scene[5])) + 5
    grey = camera.enhance(scene[6], dials=Dials(colour=0)).astype(int)
    assert np.ptp(grey, axis=2).max() == 0
    planes = camera.enhance_yuv(as_yuv(scene[7]), 0, dials=Dials(colour=0))
    assert (planes.u == 128).all() and (planes.v == 128).all()


def test_the_size_may_change_in_midstream(still, scene):
    camera = VideoEnhancer(still)
    camera.enhance(scene[0])
    small = np.ascontiguousarray(scene[0][::2, ::2])
    assert np.array_equal(camera.enhance(small), still.enhance(small))
    assert np.array_equal(camera.enhance(scene[1]), still.enhance(scene[1]))


def test_cameras_of_one_enhancer_do_not_touch_each_other(still, scene):
    bright = photographs()["coffee"]
    first, second, alone = VideoEnhancer(still), VideoEnhancer(still), VideoEnhancer(still)
    for frame in scene[:5]:
        mixed = first.enhance(frame)
        second.enhance(bright)
        assert np.array_equal(mixed, alone.enhance(frame))


def test_strength_zero_is_the_identity(still, scene):
    camera = VideoEnhancer(still)
    assert max(np.abs(camera.enhance(f, 0).astype(int) - f).max() for f in scene[:3]) <= 1


def test_out_is_filled(still, scene):
    out = np.empty_like(scene[0])
    assert VideoEnhancer(still).enhance(scene[0], out=out) is out


def test_wrong_frames_are_refused_and_the_stream_goes_on(still, scene):
    camera = VideoEnhancer(still)
    before = camera.enhance(scene[0])
    with pytest.raises(ShapeError):
        camera.enhance(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InvalidInputError):
        camera.enhance(scene[0], 2)
    assert np.array_equal(camera.enhance(scene[0]), before)
