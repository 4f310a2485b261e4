import time

import numpy as np

from davy_simulator import lamps
from davy_simulator.places import PLACES

SIZE = (640, 360)


def test_a_failing_lamp_darkens_its_own_region_only(mine, monkeypatch):
    burning = mine.render("junction", 5.0, SIZE).astype(float).mean(axis=2)[40:]
    monkeypatch.setattr(lamps, "factor_of", lambda place, index, t_s, seed: float(index != 1))
    out = mine.render("junction", 5.0, SIZE).astype(float).mean(axis=2)[40:]
    blocks = (burning - out)[:320, :640].reshape(20, 16, 40, 16).mean(axis=(1, 3))
    assert blocks.max() > 10  # its region
    assert np.median(blocks) < 3  # half of the picture hardly notices
    assert blocks[:, 20:].mean() > 3 * blocks[:, :12].mean()  # it hangs on the right
    assert blocks.min() > -1  # and nothing becomes brighter


def test_the_failing_lamp_goes_out_by_itself_and_comes_back(mine):
    factors = {lamps.factor_of(PLACES["junction"], 1, float(t), mine.seed) for t in np.arange(0, 200, 0.5)}
    assert {0.0, 1.0} <= factors


def test_noise_is_stronger_in_relative_terms_in_the_dark(mine):
    frames = np.stack([mine.render("conveyor", 5.0 + k * 1e-5, SIZE)[40:, :, 1] for k in range(16)]).astype(float)
    light = ((frames / 255) ** 2.2).mean(axis=0)
    relative = ((frames / 255) ** 2.2).std(axis=0) / np.maximum(light, 1e-6)
    dark, bright = light < np.quantile(light, 0.3), (light > 0.05) & (light < 0.6)
    assert np.median(relative[dark]) > 3 * np.median(relative[bright])


def test_the_dark_is_purple(mine):
    frame = mine.render("gallery", 5.0, SIZE)[40:].reshape(-1, 3).astype(float)
    blue, green, red = frame[frame.sum(axis=1) < np.quantile(frame.sum(axis=1), 0.2)].mean(axis=0)
    assert blue > green + 1
    assert red > green


def test_dust_and_noise_leave_the_truth_alone(mine):
    truth = mine.truth("face", 5.0, SIZE)
    assert truth[40:].min(axis=(0, 1)).max() < 60  # no veil lies over the dark parts


def test_a_frame_costs_little_enough_for_four_cameras(mine):
    mine.render("gallery", 0.0, SIZE)
    times = []
    for k in range(8):
        start = time.thread_time()
        mine.render("gallery", k / 10, SIZE)
        times.append(time.thread_time() - start)
    assert min(times) < 0.01  # 2.5 ms on an idle core; 720p has four times the pixels, four cameras at 10 fps 25 ms for each


def test_a_truth_is_the_same_however_many_were_drawn_before(mine):
    first = mine.truth("conveyor", 5.0, SIZE)
    for k in range(400):  # warnings are errors: nothing overflows either
        mine.truth("conveyor", k / 10, SIZE)
    assert np.array_equal(mine.truth("conveyor", 5.0, SIZE), first)
