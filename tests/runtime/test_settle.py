"""A fixed camera's noise settles, and what moves leaves no ghost."""

import numpy as np
import pytest

from davy.runtime.settle import Settler

RNG = np.random.default_rng(5)
SHAPE = (96, 160, 3)


def seen(scene, sigma=6.0):
    return np.clip(scene + RNG.normal(0, sigma, SHAPE), 0, 255).round().astype(np.uint8)


def run(frames, share=0.25):
    settler = Settler(*SHAPE[:2], share)
    return [settler.settle(frame).copy() for frame in frames]


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
    shown = run(frames)
    assert shown[-2][34:56, 44:66].mean() == pytest.approx(160, abs=2)
    assert shown[-1][34:56, 44:66].mean() == pytest.approx(40, abs=2)


def test_another_light_is_followed_at_once():
    shown = run([seen(np.full(SHAPE, 40.0)) for _ in range(30)] + [seen(np.full(SHAPE, 80.0))])
    assert shown[-1].mean() == pytest.approx(80, abs=0.5)


def test_a_slow_change_is_followed_within_a_few_levels():
    shown = run([seen(np.full(SHAPE, 40 + 0.2 * k)) for k in range(100)])
    assert shown[-1].mean() == pytest.approx(40 + 0.2 * 99, abs=1.0)


def test_it_forgets_when_told():
    settler = Settler(*SHAPE[:2], 0.1)
    for _ in range(10):
        settler.settle(seen(np.full(SHAPE, 40.0)))
    settler.forget()
    frame = seen(np.full(SHAPE, 41.0))
    assert np.array_equal(settler.settle(frame), frame)


def test_rows_may_lie_apart():
    wide = np.zeros((96, 200, 3), np.uint8)
    wide[:, :160] = seen(np.full(SHAPE, 90.0))
    alone, part = Settler(96, 160, 0.25), Settler(96, 160, 0.25)
    for _ in range(3):
        assert np.array_equal(alone.settle(np.ascontiguousarray(wide[:, :160])), part.settle(wide[:, :160]))
