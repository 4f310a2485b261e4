import pytest

from davy.domain.errors import ConfigError
from davy_bench.datasets.cases import read
from davy_bench.quality.sheet import select, write_sheet


def test_a_sheet_has_a_line_per_picture_and_a_column_per_method_and_the_reference(scores, tmp_path):
    image = read(write_sheet(tmp_path / "new" / "s.jpg", scores, scores.rows))
    assert image.shape[1] == 4 * 320
    assert image.shape[0] == 2 * (20 + 213)


def test_methods_can_be_selected(scores, tmp_path):
    assert read(write_sheet(tmp_path / "s.jpg", scores, scores.rows, ["Davy"])).shape[1] == 2 * 320


def test_the_worst_comes_first_and_the_best_is_there(scores):
    rows = select(scores, 2)
    values = [row.figures["Davy"]["psnr_db"] for row in rows]
    assert values == sorted(scores.column("psnr_db"))
    assert len(select(scores, 9)) == 2


def test_named_pictures_are_shown_in_their_order(scores):
    assert [row.case.name for row in select(scores, 1, ["coffee", "chelsea"])] == ["coffee", "chelsea"]
    with pytest.raises(ConfigError, match="unknown picture 'tea'"):
        select(scores, 1, ["tea"])
