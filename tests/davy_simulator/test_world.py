import threading

import numpy as np
import pytest

from davy.domain.errors import InvalidInputError, UnknownCameraError
from davy.imaging.iqa import clipped_share, illumination_uniformity, psnr_db
from davy_simulator.world import Mine

SIZE = (320, 180)
PLACES = Mine().places
EPOCH_NS = 1_767_225_600_000_000_000


def without_text(image):
    return image[image.shape[0] // 12 :]


def test_there_are_four_places():
    assert PLACES == ("gallery", "face", "conveyor", "junction")


def test_the_same_seed_and_time_give_the_same_frame_bit_for_bit(mine):
    other = Mine(seed=7, epoch_ns=EPOCH_NS)
    for render, again in ((mine.render, other.render), (mine.truth, other.truth)):
        assert np.array_equal(render("gallery", 12.3, SIZE), again("gallery", 12.3, SIZE))


def test_frames_do_not_depend_on_what_was_rendered_before(mine):
    first = mine.render("face", 3.0, SIZE)
    mine.render("face", 40.0, SIZE)
    mine.truth("face", 5.0, SIZE)
    assert np.array_equal(first, mine.render("face", 3.0, SIZE))


def test_another_seed_is_another_mine(mine):
    other = Mine(seed=8, epoch_ns=EPOCH_NS)
    assert psnr_db(other.truth("gallery", 1.0, SIZE), mine.truth("gallery", 1.0, SIZE)) < 30


@pytest.mark.parametrize("place", PLACES)
def test_raw_is_dark_uneven_and_its_lamps_are_clipped(mine, place):
    raw = without_text(mine.render(place, 2.0, SIZE))
    assert 15 < raw.mean() < 65
    assert clipped_share(raw) > 0.0003
    assert illumination_uniformity(raw) < 0.3


@pytest.mark.parametrize("place", PLACES)
def test_truth_is_as_bright_and_even_as_a_well_lit_picture(mine, place):
    raw, truth = (without_text(draw(place, 2.0, SIZE)) for draw in (mine.render, mine.truth))
    assert 95 < truth.mean() < 122
    assert illumination_uniformity(truth) > 2 * illumination_uniformity(raw)
    assert 5 < psnr_db(raw, truth) < 15


@pytest.mark.parametrize("place", PLACES)
def test_the_scene_moves(mine, place):
    first, later = (mine.truth(place, t_s, SIZE).astype(int) for t_s in (20.0, 22.0))
    assert (np.abs(without_text(first - later)).max(axis=2) > 20).sum() > 30


def test_noise_changes_from_frame_to_frame_and_truth_has_none(mine):
    first, later = (mine.render("gallery", t_s, SIZE).astype(int) for t_s in (20.0, 20.001))
    assert np.abs(first - later).mean() > 0.5
    assert np.array_equal(mine.truth("gallery", 20.0, SIZE), mine.truth("gallery", 20.0, SIZE))


def test_raw_and_truth_show_the_same_geometry(mine):
    raw, truth = (
        without_text(draw("conveyor", 2.0, (640, 360))).astype(float).mean(axis=2) for draw in (mine.render, mine.truth)
    )

    def detail(image, shift=0):
        log = np.log(np.roll(image, shift, axis=1) + 8)
        return (log[:, 2:] - log[:, :-2])[:, 20:-20].ravel()

    aligned, shifted = (np.corrcoef(detail(raw), detail(truth, shift))[0, 1] for shift in (0, 8))
    assert aligned > 0.2
    assert aligned > shifted + 0.1


@pytest.mark.parametrize("size", [(640, 480), (854, 480), (333, 251)])
def test_any_size_in_range_can_be_rendered(mine, size):
    assert mine.render("junction", 1.0, size).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("size", [(3840, 2160), (10, 10), (1920, 1200)])
def test_a_size_out_of_range_is_refused(mine, size):
    with pytest.raises(InvalidInputError, match="out of range"):
        mine.render("junction", 1.0, size)


def test_an_unknown_place_is_refused_with_those_there_are(mine):
    with pytest.raises(UnknownCameraError, match="gallery"):
        mine.truth("galery", 0.0, SIZE)


def test_cameras_render_side_by_side_as_they_do_alone(mine):
    alone = {place: mine.render(place, 9.0, SIZE) for place in PLACES}
    together = {}

    def render(place):
        together[place] = mine.render(place, 9.0, SIZE)

    threads = [threading.Thread(target=render, args=(place,)) for place in PLACES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(alone[place], together[place]) for place in PLACES)


def test_times_before_the_epoch_can_be_rendered_too(mine):
    assert mine.render("gallery", -5.0, SIZE).mean() > 10
