import json

import numpy as np
import pytest

from davy.domain.errors import UnreadableImageError
from davy.imaging.iqa import psnr_db
from davy.imaging.runtime import StillEnhancer
from davy_trainer.data.photographs import read_bgr
from davy_trainer.evaluation.evaluate import evaluate, markdown, write_sheet
from davy_trainer.evaluation.validation import load_validation


@pytest.fixture(scope="module")
def still():
    return StillEnhancer()


def test_means_are_those_of_the_pictures(pairs_folder, still):
    pairs = load_validation(pairs_folder)
    scores = evaluate(pairs, still)
    assert scores["pictures"] == 2
    assert scores["raw"]["psnr_db"] == pytest.approx(np.mean([psnr_db(p.low, p.reference) for p in pairs]))
    assert scores["enhanced"]["psnr_db"] > scores["raw"]["psnr_db"]
    assert scores["each"][0]["enhanced"]["brightness"] == pytest.approx(still.enhance(pairs[0].low).mean())
    assert json.loads(json.dumps(scores)) == scores


def test_the_table_has_a_row_raw_and_a_row_enhanced(pairs_folder, still):
    lines = markdown(evaluate(load_validation(pairs_folder), still)).splitlines()
    assert still.model in lines[0]
    assert [line.split("|")[1].strip() for line in lines[4:]] == ["raw", "enhanced"]


def test_a_sheet_shows_raw_beside_enhanced_and_counts_the_unreadable(folder, tmp_path, still):
    (folder / "cats" / "z.png").write_bytes(b"no")
    assert write_sheet(folder, tmp_path / "s.png", still, count=10, columns=1) == (3, 1)
    assert read_bgr(tmp_path / "s.png").shape[1] == 640


def test_a_folder_of_broken_pictures_is_an_error(tmp_path, still):
    (tmp_path / "z.png").write_bytes(b"no")
    with pytest.raises(UnreadableImageError, match="none of the 1 selected files"):
        write_sheet(tmp_path, tmp_path / "s.png", still, count=3, columns=1)
