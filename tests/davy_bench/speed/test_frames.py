import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy_bench.speed import frames
from davy_bench.speed.frames import moving_frames, parse_sizes, ping_pong_order


def test_frames_move_and_are_contiguous():
    first, second = moving_frames((160, 120), 2)
    assert first.shape == (120, 160, 3)
    assert first.flags.c_contiguous
    assert not np.array_equal(first, second)


def test_a_size_beyond_the_mine_is_four_mirrored_pictures(monkeypatch):
    monkeypatch.setattr(frames, "LARGEST", (160, 120))
    (large,), (small,) = moving_frames((320, 240), 1), moving_frames((160, 120), 1)
    assert large.shape == (240, 320, 3)
    assert np.array_equal(large[:120, :160], small)
    assert np.array_equal(large, large[::-1, ::-1])


def test_to_and_fro_has_only_neighbours_even_where_it_begins_again():
    order = ping_pong_order(4)
    assert order == [0, 1, 2, 3, 2, 1]
    assert all(abs(a - b) == 1 for a, b in zip(order, [*order[1:], order[0]], strict=True))


def test_sizes_are_named_in_any_order():
    assert parse_sizes("4k, 480P") == ("480p", "4K")


@pytest.mark.parametrize("text", ["", "8K", "720p,x"])
def test_an_error_about_an_unknown_size_lists_the_known_ones(text):
    with pytest.raises(ConfigError, match="choose from 480p, 720p, 1080p, 4K"):
        parse_sizes(text)
