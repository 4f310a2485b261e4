import numpy as np

from davy_bench.quality.real import real_checks
from davy_bench.quality.scores import Row, Scores

FIGURES = {"visibility": 5.0, "dark_noise": 1.0, "bands": 0.4, "clipped_points": 0.1}


def scores(*frames):
    """One row per frame: Davy's figures over FIGURES."""
    rows = [Row(None, {"gamma+CLAHE": FIGURES, "Davy": FIGURES | davy}) for davy in frames]
    return Scores("frames", "model", {"gamma+CLAHE": np.copy, "Davy": np.copy}, rows, ())


def by_name(found):
    return {check.what.split(",")[0]: check for check in found}


def test_davy_must_see_more_at_less_noise_on_four_of_five_frames():
    better = {"visibility": 6.0, "dark_noise": 0.9}
    noisier = {"visibility": 6.0, "dark_noise": 1.1}
    assert by_name(real_checks(scores(*[better] * 4, noisier)))["frames where the dark is seen better"].reached
    assert not by_name(real_checks(scores(*[better] * 3, noisier, noisier)))["frames where the dark is seen better"].reached


def test_limits_hold_for_the_mean_of_bands_and_the_worst_highlight():
    found = by_name(real_checks(scores({"bands": 0.7}, {"bands": 0.2, "clipped_points": 0.6})))
    assert found["row bands at equal gain"].reached
    assert not found["growth of clipped highlights / points"].reached


def test_what_applies_to_no_frame_is_left_out():
    assert "chroma of colourless frames" not in by_name(real_checks(scores({})))
    assert by_name(real_checks(scores({"chroma": 0.4}, {"chroma": 1.4})))["chroma of colourless frames"].reached is False
