import numpy as np
import pytest
import torch

from davy_trainer.data.synthetic import crop, crop_window, draw_window, make_batch, metered


def test_a_batch_depends_on_seed_and_index_alone(groups, settings):
    first, again = make_batch(groups, settings(), 4), make_batch(groups, settings(), 4)
    assert np.array_equal(first.low, again.low) and np.array_equal(first.ground_truth, again.ground_truth)
    assert not np.array_equal(first.ground_truth, make_batch(groups, settings(), 5).ground_truth)
    assert not np.array_equal(first.ground_truth, make_batch(groups, settings(seed=2), 4).ground_truth)


def test_shapes_and_ranges(groups, settings):
    batch = make_batch(groups, settings(), 0)
    assert batch.low.shape == batch.ground_truth.shape == (2, 32, 64, 3) and batch.low.dtype == np.uint8
    low, ground_truth = batch.tensors()
    assert low.shape == ground_truth.shape == (2, 3, 32, 64) and low.dtype == torch.float32
    assert low.min() >= 0 and ground_truth.max() <= 1


def test_shares_decide_what_is_made_of_a_photograph(groups, settings):
    lit = make_batch(groups, settings(mine_share=0, dark_share=0, batch=4), 0)
    assert np.array_equal(lit.low, lit.ground_truth)
    dark = make_batch(groups, settings(mine_share=0, dark_share=1, batch=4), 0)
    assert (dark.low.mean((1, 2, 3)) < 60).all()
    mine = make_batch(groups, settings(mine_share=1, dark_share=0, batch=4), 0)
    assert (mine.low.mean((1, 2, 3)) < 0.4 * 255).all()


def test_colours_come_as_red_green_blue(groups, settings):
    coffee = [group for group in groups if group.name == "coffee"]  # brown: more red than blue
    ground_truth = make_batch(coffee, settings(mine_share=0, dark_share=0), 0).ground_truth
    assert ground_truth[..., 0].mean() > ground_truth[..., 2].mean() + 20


def test_weights_decide_how_often_a_group_is_drawn(groups, settings):
    from dataclasses import replace

    black = replace(groups[0], weight=1e-9, pictures=[np.zeros((100, 150, 3), np.uint8)])
    ground_truth = make_batch([black, groups[1]], settings(mine_share=0, dark_share=0, batch=16), 0).ground_truth
    assert (ground_truth.mean((1, 2, 3)) > 0).all()


def test_any_shape_of_photograph_gives_a_crop_of_the_set_size(settings):
    rng = np.random.default_rng(1)
    for shape in ((16, 16), (20, 400), (400, 20), (64, 32), (33, 65)):
        for _ in range(5):
            assert crop(np.zeros((*shape, 3), np.uint8), settings(), rng).shape == (32, 64, 3)


def test_a_burnt_out_lamp_stays_white_in_the_truth(groups, settings):
    batches = [make_batch(groups, settings(mine_share=1, dark_share=0, batch=8), index) for index in range(8)]
    low, ground_truth = (np.concatenate([getattr(batch, name) for batch in batches]) for name in ("low", "ground_truth"))
    burnt = low.min(axis=-1) >= 250
    assert burnt.any()
    assert (ground_truth[burnt] >= 247).all()


def test_dark_truths_are_exposed_three_quarters_of_the_way_to_the_meter(settings):
    flat = np.full((32, 64, 3), 0.2, np.float32)
    assert metered(flat, settings()).mean() == pytest.approx(0.2 * (0.5 / 0.2) ** 0.75, abs=0.01)
    assert np.abs(metered(flat, settings(metering=0.0)) - flat).max() < 0.01


def test_a_black_truth_stays_black(settings):
    assert not metered(np.zeros((32, 64, 3), np.float32), settings()).any()


def test_a_depth_map_is_cut_as_its_picture_is(settings):
    rng = np.random.default_rng(1)
    for shape in ((50, 90), (90, 50)):
        picture = rng.integers(0, 256, (*shape, 3), np.uint8)
        depth = picture[:, :, 0].astype(np.float32)
        for _ in range(8):
            window = draw_window(picture.shape, settings(), rng)
            both = crop_window(picture, window, settings())[:, :, 0].astype(np.float32), crop_window(depth, window, settings())
            assert np.abs(both[0] - both[1]).max() <= 1


def test_a_picture_with_depth_is_lit_by_it(groups, settings):
    from dataclasses import replace

    flat = replace(groups[0], depths=[np.full(picture.shape[:2], 3, np.float32) for picture in groups[0].pictures])
    plain, lit = (make_batch([group], settings(mine_share=1, dark_share=0), 0) for group in (groups[0], flat))
    assert not np.array_equal(plain.low, lit.low)
