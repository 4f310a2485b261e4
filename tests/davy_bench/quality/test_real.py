import numpy as np

from davy_bench.quality.real import real_checks
from davy_bench.quality.scores import Row, Scores

FIGURES = {"visibility": 5.0, "dark_noise": 1.0, "bands": 0.4, "clipped_points": 0.1}


def scores(*frames):
    """One row per frame: Davy's figures over FIGURES."""
    rows = [Row(None, {"gamma+CLAHE": FIGURES, "Davy": FIGURES | davy}) for davy in frames]
    return Scores("frames", "model", {"gamma+CLAHE": np.copy, "Davy": np.copy}, rows, ())


def by_name(found):
    return {check.name.split(",")[0]: check for check in found}


def test_davy_needs_better_visibility_and_less_noise_in_four_of_five_frames():
    better = {"visibility": 6.0, "dark_noise": 0.9}
    noisier = {"visibility": 6.0, "dark_noise": 1.1}
    assert by_name(real_checks(scores(*[better] * 4, noisier)))["frames with better visibility in the dark"].passed
    assert not by_name(real_checks(scores(*[better] * 3, noisier, noisier)))["frames with better visibility in the dark"].passed


def test_limits_hold_for_the_mean_of_bands_and_the_worst_highlight():
    found = by_name(real_checks(scores({"bands": 0.7}, {"bands": 0.2, "clipped_points": 0.6})))
    assert found["row bands at equal gain"].passed
    assert not found["growth of clipped highlights / points"].passed


def test_checks_that_apply_to_no_frame_are_omitted():
    assert "chroma of colourless frames" not in by_name(real_checks(scores({})))
    assert by_name(real_checks(scores({"chroma": 0.4}, {"chroma": 1.4})))["chroma of colourless frames"].passed is False
