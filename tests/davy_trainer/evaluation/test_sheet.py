import cv2
import numpy as np
import torch

from davy_trainer.evaluation.sheet import from_tensor, sheet, write_png


def test_rows_stand_below_each_other_at_one_width():
    rows = [[np.full((10, 20, 3), 9, np.uint8)] * 3, [np.full((40, 20, 3), 8, np.uint8)] * 3]
    made = sheet(rows, cell_width=40)
    assert made.shape == (20 + 80, 120, 3)
    assert (made[:20] == 9).all() and (made[20:] == 8).all()


def test_an_odd_row_is_filled_with_black():
    rows = [[np.full((10, 10, 3), 9, np.uint8)]] * 3
    made = sheet(rows, cell_width=10, columns=2)
    assert made.shape == (20, 20, 3)
    assert not made[10:, 10:].any()


def test_a_tensor_becomes_bgr_bytes():
    red = torch.tensor([1.5, 0.5, -1.0]).view(3, 1, 1)
    assert from_tensor(red)[0, 0].tolist() == [0, 128, 255]


def test_a_png_is_read_back(tmp_path):
    image = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    write_png(tmp_path / "a" / "b.png", image)
    assert np.array_equal(cv2.imread(str(tmp_path / "a" / "b.png")), image)
