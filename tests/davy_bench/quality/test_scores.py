import numpy as np
import pytest

from davy.domain.errors import InvalidInputError
from davy.imaging.iqa import psnr_db
from davy_bench.datasets.cases import Case, pairs
from davy_bench.methods.methods import choose
from davy_bench.quality.scores import score


def quiet(done, total):
    pass


def test_means_are_those_of_the_pictures(scores, folders, still):
    shown = [case.load() for case in pairs(*folders)]
    assert scores.means()["raw"]["psnr_db"] == pytest.approx(np.mean([psnr_db(*pair) for pair in shown]))
    assert scores.means()["Davy"]["psnr_db"] == pytest.approx(
        np.mean([psnr_db(still.enhance(low), high) for low, high in shown])
    )
    assert scores.paired


def test_groups_have_means_of_their_own(folders, still):
    first, second = pairs(*folders)
    cases = [Case("a", "one", first.load), Case("b", "two", second.load)]
    scores = score("groups", cases, choose([], still), still.model, quiet)
    assert scores.groups == ["one", "two"]
    assert scores.means("one")["Davy"]["psnr_db"] == scores.column("psnr_db")[0]


def test_what_cannot_be_read_is_named_and_skipped(folders, still):
    (folders[0] / "coffee.png").write_bytes(b"no")
    told = []
    scores = score("skips", pairs(*folders), choose([], still), still.model, lambda *step: told.append(step))
    assert [row.case.name for row in scores.rows] == ["chelsea"]
    assert len(scores.skipped) == 1
    assert "coffee.png" in scores.skipped[0]
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_nothing_left_is_an_error_that_names_the_first(folders, still):
    for path in folders[0].iterdir():
        path.write_bytes(b"no")
    with pytest.raises(InvalidInputError, match=r"none of the 2 pictures.*chelsea"):
        score("none", pairs(*folders), choose([], still), still.model, quiet)
