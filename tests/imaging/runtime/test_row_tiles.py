"""Several threads on one picture give what one gives."""

import numpy as np
import pytest
from tests.imaging.runtime.conftest import as_low_light, photographs
from tests.imaging.runtime.test_yuv import as_yuv, difference

from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy.imaging.runtime.row_tiles import RowTiles

ROUNDING = 1  # level: a tile's first row is computed afresh, where one thread adds a step to the row above


@pytest.fixture(scope="module", params=[2, 3])
def several(request):
    return StillEnhancer(threads=request.param)


@pytest.mark.parametrize("rows", [1, 2, 5, 136])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_bands_are_all_rows_once_and_none_is_narrower_than_two_borders(rows, threads):
    row_tiles, seen = RowTiles(rows, threads), []
    row_tiles.run(lambda tile, begin, end: seen.append((tile, begin, end)))
    seen.sort()
    assert [row for _, begin, end in seen for row in range(begin, end)] == list(range(rows))
    assert len(row_tiles) == 1 or min(end - begin for _, begin, end in seen) >= 2


@pytest.mark.parametrize("size", [(16, 16), (31, 17), (300, 400), (299, 401), (300, 33)])
def test_a_still_is_the_same(still, several, size):
    image = np.ascontiguousarray(as_low_light(photographs()["coffee"], "mine")[: size[0], : size[1]])
    assert np.abs(several.enhance(image).astype(int) - still.enhance(image)).max() <= ROUNDING
    assert difference(several.enhance_yuv(as_yuv(image)), still.enhance_yuv(as_yuv(image))) <= ROUNDING


@pytest.mark.parametrize("size", [(300, 400), (299, 401), (45, 400)])
def test_what_settles_and_what_moves_are_the_same(still, several, size):
    rng = np.random.default_rng(4)
    scene = as_low_light(photographs()["coffee"], "mine").astype(np.float32)[: size[0], : size[1]]
    one, many, yuv_one, yuv_many = (VideoEnhancer(enhancer) for enhancer in (still, several, still, several))
    for index in range(12):
        frame = np.clip(scene + rng.normal(0, 4, scene.shape), 0, 255).astype(np.uint8)
        frame[10 * index : 10 * index + 40, 30:60] = 120  # passes from tile to tile
        assert np.abs(one.enhance(frame).astype(int) - many.enhance(frame)).max() <= ROUNDING
        assert difference(yuv_one.enhance_yuv(as_yuv(frame)), yuv_many.enhance_yuv(as_yuv(frame))) <= ROUNDING
    assert one._denoiser is not None and many._denoiser is not None
    for plane, other in zip(one._denoiser.levels, many._denoiser.levels, strict=True):
        assert np.array_equal(plane, other)
