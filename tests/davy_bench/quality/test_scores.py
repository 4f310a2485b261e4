import numpy as np
import pytest

from davy.domain.errors import InvalidInputError
from davy.imaging.iqa import psnr_db
from davy_bench.datasets.cases import Case, paired_cases
from davy_bench.methods.methods import select_methods
from davy_bench.quality.scores import score


def quiet(done, total):
    pass


def test_means_are_those_of_the_pictures(scores, folders, still):
    shown = [case.load() for case in paired_cases(*folders)]
    assert scores.means()["raw"]["psnr_db"] == pytest.approx(np.mean([psnr_db(*pair) for pair in shown]))
    assert scores.means()["Davy"]["psnr_db"] == pytest.approx(
        np.mean([psnr_db(still.enhance(low), high) for low, high in shown])
    )
    assert scores.paired


def test_groups_have_means_of_their_own(folders, still):
    first, second = paired_cases(*folders)
    cases = [Case("a", "one", first.load), Case("b", "two", second.load)]
    scores = score("groups", cases, select_methods([], still), still.model, quiet)
    assert scores.groups == ["one", "two"]
    assert scores.means("one")["Davy"]["psnr_db"] == scores.column("psnr_db")[0]


def test_an_unreadable_picture_is_skipped_with_its_name(folders, still):
    (folders[0] / "coffee.png").write_bytes(b"no")
    steps = []
    scores = score("skips", paired_cases(*folders), select_methods([], still), still.model, lambda *step: steps.append(step))
    assert [row.case.name for row in scores.rows] == ["chelsea"]
    assert len(scores.skipped) == 1
    assert "coffee.png" in scores.skipped[0]
    assert steps == [(0, 2), (1, 2), (2, 2)]


def test_only_unreadable_pictures_raise_an_error_with_the_first_name(folders, still):
    for path in folders[0].iterdir():
        path.write_bytes(b"no")
    with pytest.raises(InvalidInputError, match=r"none of the 2 pictures.*chelsea"):
        score("none", paired_cases(*folders), select_methods([], still), still.model, quiet)
