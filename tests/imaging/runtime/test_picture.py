import numpy as np
import pytest

from davy.domain.errors import ShapeError
from davy.domain.frame import YuvImage
from davy.imaging.runtime.picture import as_planes, as_rows, bgr_buffer, bgr_picture, overlap, yuv_buffer, yuv_picture


def planes(height, width, full_range=True):
    half = -(-height // 2), -(-width // 2)
    return YuvImage(np.zeros((height, width), np.uint8), np.zeros(half, np.uint8), np.zeros(half, np.uint8), full_range)


def test_contiguous_pictures_are_not_copied():
    image, yuv = np.zeros((20, 30, 3), np.uint8), planes(20, 30)
    assert as_rows(image[:, 4:24]).base is image
    assert as_planes(yuv).y is yuv.y


def test_pictures_whose_pixels_lie_apart_are_copied():
    assert as_rows(np.zeros((40, 60, 3), np.uint8)[:, ::2]).strides == (90, 3, 1)
    wide = planes(40, 80)
    assert as_planes(YuvImage(wide.y[:, ::2], wide.u[:, ::2], wide.v[:, ::2])).u.strides == (20, 1)


@pytest.mark.parametrize("shape", [(15, 40), (40, 15), (0, 0)])
def test_a_small_yuv_picture_is_refused(shape):
    with pytest.raises(ShapeError, match=r"image\.y"):
        as_planes(planes(*shape))


def test_planes_that_do_not_belong_together_are_refused():
    yuv = planes(41, 61)
    with pytest.raises(ShapeError, match=r"image\.u has shape \(20, 31\), expected \(21, 31\)"):
        as_planes(YuvImage(yuv.y, yuv.u[:20], yuv.v))
    with pytest.raises(ShapeError, match=r"image\.v"):
        as_planes(YuvImage(yuv.y, yuv.u, yuv.v.astype(np.uint16)))


def test_a_room_of_another_shape_or_range_is_refused():
    with pytest.raises(ShapeError, match="out"):
        yuv_buffer(planes(40, 42), planes(40, 40))
    with pytest.raises(ShapeError, match="range"):
        yuv_buffer(planes(40, 40, full_range=False), planes(40, 40))
    with pytest.raises(ShapeError, match="out"):
        bgr_buffer(np.zeros((40, 80, 3), np.uint8)[:, ::2], np.zeros((40, 40, 3), np.uint8))


def test_a_kernel_sees_planes_and_strides():
    yuv = planes(41, 61, full_range=False)
    seen = yuv_picture(yuv)
    assert (seen.format, seen.limited, seen.height, seen.width) == (1, 1, 41, 61)
    assert list(seen.stride) == [61, 31, 31]
    assert seen.bytes[1] == yuv.u.ctypes.data
    assert bgr_picture(np.zeros((20, 30, 3), np.uint8)).stride[0] == 90


def test_pictures_overlap_where_they_share_rows_or_planes():
    tall = np.zeros((60, 30, 3), np.uint8)
    upper, middle, lower = (bgr_picture(tall[start : start + 20]) for start in (0, 10, 40))
    assert overlap(upper, middle) and overlap(middle, upper)
    assert not overlap(upper, lower) and overlap(upper, bgr_picture(tall[19::-1]))
    assert not overlap(bgr_picture(tall[:20]), bgr_picture(tall[20:40]))
    assert not overlap(bgr_picture(tall[39:19:-1]), bgr_picture(tall[:20]))
    assert not overlap(bgr_picture(tall[39:19:-1]), bgr_picture(tall[40:]))


def test_planes_that_touch_do_not_overlap():
    """Where an allocator puts planes next to each other, the row before a plane's first is another plane's."""
    room = np.zeros(4 * 900, np.uint8)
    one, two = (
        YuvImage(*(room[at : at + h * w].reshape(h, w) for at, h, w in ((s, 20, 30), (s + 1800, 10, 15), (s + 2100, 10, 15))))
        for s in (0, 600)
    )
    assert not overlap(yuv_picture(one), yuv_picture(two))
    assert overlap(yuv_picture(one), yuv_picture(one))
    assert overlap(yuv_picture(one), yuv_picture(YuvImage(two.y, one.v, two.v)))
