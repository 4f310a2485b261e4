import numpy as np
import pytest

from davy_bench.datasets.cases import Case
from davy_bench.quality.checks import (
    check_table,
    clipped_check,
    flicker_checks,
    identity_check,
    mine_checks,
    minimum_checks,
    over_clipped,
    well_lit_check,
)
from davy_bench.quality.flicker import Trace
from davy_bench.quality.scores import Row, Scores


def scores(**by_method):
    """One row per picture: by_method gives, per method, a list of figures."""
    count = len(next(iter(by_method.values())))
    cases = [Case(f"p{index}", "", lambda: (None, None)) for index in range(count)]
    rows = [
        Row(case, {name: {"ms": 0.0} | figures[index] for name, figures in by_method.items()})
        for index, case in enumerate(cases)
    ]
    return Scores("t", "m", dict.fromkeys(by_method, lambda image: image), rows, [])


def figures(psnr_db, ssim=0.5, vif=0.5):
    return [{"psnr_db": psnr_db, "ssim": ssim, "vif": vif}]


def test_a_figure_at_its_limit_passes():
    assert [
        check.passed for check in minimum_checks("x", scores(Davy=figures(20.5, 0.77)), {"psnr_db": 20.5, "ssim": 0.78})
    ] == [
        True,
        False,
    ]


def test_the_mine_needs_eight_decibels_and_a_win_over_every_method():
    checks = mine_checks(scores(raw=figures(10, 0.1, 0.1), CLAHE=figures(15, 0.6, 0.4), Davy=figures(18, 0.5, 0.5)))
    assert [check.passed for check in checks] == [True, True, False, True]
    assert "CLAHE" in checks[1].target


def test_the_well_lit_median_counts():
    values = [{"psnr_db": value} for value in (20.0, 31.0, 40.0)]
    assert well_lit_check(scores(Davy=values)).passed
    assert not well_lit_check(scores(Davy=[{"psnr_db": 29.9}])).passed


def test_pictures_with_growing_highlights_are_counted_and_named_worst_first():
    found = scores(Davy=[{"clipped_points": value} for value in (0.5, 0.6, -1.0, 2.0)])
    assert over_clipped(found) == ["p3", "p1"]
    check = clipped_check(found)
    assert not check.passed
    assert check.measured == "+2.00 points at most, 2 of 4 over the limit"


@pytest.mark.parametrize(("enhanced", "passed"), [((50, 50, 50), True), ((50, 90, 50), False)])
def test_an_enhanced_video_may_not_be_flicker_more_than_raw(enhanced, passed):
    raw, out = np.array([10.0, 11.0, 10.0]), np.array(enhanced, float)
    checks = flicker_checks({"face": Trace(np.arange(3.0), raw, out, raw[:, None], out[:, None])})
    assert [check.passed for check in checks] == [passed, passed]


def test_the_table_has_pass_or_fail():
    lines = check_table(minimum_checks("x", scores(Davy=figures(20.5, 0.77)), {"psnr_db": 20.5, "ssim": 0.78}))
    assert lines[2].endswith("| PASS |")
    assert lines[3].endswith("| **FAIL** |")


def test_strength_0_changes_no_byte(still):
    assert identity_check(still, np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)).passed
