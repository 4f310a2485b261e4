"""A fixed camera's noise settles, and what moves leaves no ghost."""

import numpy as np
import pytest

from davy.domain.frame import YuvImage
from davy.imaging.runtime.kernels import FRACTION
from davy.imaging.runtime.picture import bgr_picture, yuv_picture
from davy.imaging.runtime.temporal_denoising import TemporalDenoiser
from davy.imaging.runtime.workspace import Workspace

RNG = np.random.default_rng(5)
SHAPE = (96, 160, 3)


def seen(scene, sigma=6.0):
    return np.clip(scene + RNG.normal(0, sigma, SHAPE), 0, 255).round().astype(np.uint8)


def settle(denoiser, picture):
    """The frame as it has settled: planes of bytes."""
    Workspace(picture.height, picture.width).measure(picture, denoiser.state())
    denoiser.mark_measured()
    return [(plane + (1 << FRACTION - 1)) >> FRACTION for plane in denoiser.levels]


def shown(denoiser, frame):
    return np.stack(settle(denoiser, bgr_picture(frame)), -1)[:, : frame.shape[1]]


def run(frames, share=0.25):
    denoiser = TemporalDenoiser(bgr_picture(frames[0]), share)
    return [shown(denoiser, frame) for frame in frames]


def test_noise_of_a_still_scene_falls_to_the_share_of_recursive_smoothing():
    last = run([seen(np.full(SHAPE, 90.0)) for _ in range(60)])[-1]
    assert last.std() == pytest.approx(6 * np.sqrt(0.25 / 1.75), rel=0.25)
    assert last.mean() == pytest.approx(90, abs=0.2)


def test_the_first_frame_is_shown_as_it_is():
    frame = seen(np.full(SHAPE, 90.0))
    assert np.array_equal(run([frame])[0], frame)


def test_what_moves_leaves_no_ghost():
    still, lit = np.full(SHAPE, 40.0), np.full(SHAPE, 40.0)
    lit[30:60, 40:70] = 160  # a man steps in, and out again
    frames = [seen(still) for _ in range(30)] + [seen(lit)] + [seen(still)]
    seen_so = run(frames)
    assert seen_so[-2][34:56, 44:66].mean() == pytest.approx(160, abs=2)
    assert seen_so[-1][34:56, 44:66].mean() == pytest.approx(40, abs=2)


def test_another_light_is_followed_at_once():
    seen_so = run([seen(np.full(SHAPE, 40.0)) for _ in range(30)] + [seen(np.full(SHAPE, 80.0))])
    assert seen_so[-1].mean() == pytest.approx(80, abs=0.5)


def test_a_slow_change_is_followed_within_a_few_levels():
    seen_so = run([seen(np.full(SHAPE, 40 + 0.2 * k)) for k in range(100)])
    assert seen_so[-1].mean() == pytest.approx(40 + 0.2 * 99, abs=1.0)


def test_it_forgets_when_told():
    denoiser = TemporalDenoiser(bgr_picture(seen(np.full(SHAPE, 40.0))), 0.1)
    for _ in range(10):
        shown(denoiser, seen(np.full(SHAPE, 40.0)))
    denoiser.reset()
    frame = seen(np.full(SHAPE, 41.0))
    assert np.array_equal(shown(denoiser, frame), frame)


@pytest.mark.parametrize("size", [(95, 155), (96, 160), (17, 16)])
def test_rows_may_lie_apart_and_sides_be_odd(size):
    wide = seen(np.full(SHAPE, 90.0))
    part, alone = wide[: size[0], : size[1]], np.ascontiguousarray(wide[: size[0], : size[1]])
    first, second = TemporalDenoiser(bgr_picture(part), 0.25), TemporalDenoiser(bgr_picture(alone), 0.25)
    for _ in range(3):
        assert np.array_equal(shown(first, part), shown(second, alone))


@pytest.mark.parametrize("size", [(95, 155), (96, 160), (1080, 64)])
def test_each_yuv_plane_settles_at_its_own_resolution(size):
    shapes = size, *[(-(-size[0] // 2), -(-size[1] // 2))] * 2
    planes = [
        [RNG.normal(mean, 3, shape).round().astype(np.uint8) for mean, shape in zip((80, 120, 135), shapes, strict=True)]
        for _ in range(50)
    ]
    denoiser = TemporalDenoiser(yuv_picture(YuvImage(*planes[0])), 0.25)
    for frame in planes:
        last = settle(denoiser, yuv_picture(YuvImage(*frame)))
    for plane, mean, shape in zip(last, (80, 120, 135), shapes, strict=True):
        assert plane[:, : shape[1]].mean() == pytest.approx(mean, abs=0.3)
        assert plane[:, : shape[1]].std() < 3 * 0.5


def test_a_change_of_colour_alone_is_motion():
    flat = [np.full((64, 64), 90, np.uint8), np.full((32, 32), 128, np.uint8), np.full((32, 32), 128, np.uint8)]
    denoiser = TemporalDenoiser(yuv_picture(YuvImage(*flat)), 0.25)
    for _ in range(20):
        settle(denoiser, yuv_picture(YuvImage(*flat)))
    red = YuvImage(flat[0], flat[1], np.full((32, 32), 150, np.uint8))
    assert (settle(denoiser, yuv_picture(red))[2] == 150).all()
