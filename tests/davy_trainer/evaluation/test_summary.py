import pytest
import torch

from davy.domain.errors import UnreadableImageError
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.evaluation.summary import compare_with_start, figures, markdown, shown_pictures, summary_sheet
from davy_trainer.evaluation.validation import load_validation


@pytest.fixture
def nets():
    torch.manual_seed(0)
    return {"stage 0": IspCnn(8).eval(), "round 1": IspCnn(8).eval()}


def test_the_sheet_has_a_column_for_every_version_and_rows_of_every_folder(folder, nets):
    shown = summary_sheet([folder], nets, 2)
    assert shown.shape[1] == 3 * 320
    assert len(shown_pictures([folder], 2)) == 3  # two cats, one coffee
    assert len(shown_pictures([folder], 1)) == 2


def test_a_folder_without_a_readable_picture_is_an_error(tmp_path, nets):
    (tmp_path / "a.png").write_bytes(b"broken")
    with pytest.raises(UnreadableImageError, match="none of the selected files is a picture"):
        summary_sheet([tmp_path], nets, 2)


def test_figures_start_with_the_raw_pictures(pairs_folder, nets):
    found = figures(load_validation(pairs_folder), nets)
    assert list(found) == ["raw", "stage 0", "round 1"]
    assert markdown(found).count("\n") == 4


def test_the_verdict_says_whether_the_newest_is_better_than_the_start():
    found = {"raw": {"psnr_db": 10.0}, "stage 0": {"psnr_db": 16.0}, "round 1": {"psnr_db": 15.5}}
    better, text = compare_with_start(found, "raw")
    assert better and "improves on raw by 5.50 dB" in text and "round 1 -0.50 dB" in text
    better, text = compare_with_start(found, "stage 0")
    assert not better and "does NOT improve on stage 0" in text
