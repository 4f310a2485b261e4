import io
import time

import numpy as np
import pytest
from PIL import Image

from davy.adapters.media import jpeg, planes, turbojpeg
from davy.domain.errors import FrameTooLargeError, ImageTooLargeError, ShapeError, UnreadableImageError
from davy.domain.frame import YuvImage

RED_BGR = (20, 40, 220)


def picture(height: int = 96, width: int = 160) -> np.ndarray:
    return np.full((height, width, 3), RED_BGR, np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def written_by_pillow(mode: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture()[:, :, ::-1]).convert(mode).save(out, "JPEG", quality=95, **options)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A JPEG whose header claims another size: no decoder is reached."""
    data = bytearray(jpeg.encode(picture()))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def test_a_picture_comes_back_within_the_loss_of_jpeg():
    back = jpeg.decode(jpeg.encode(picture(), quality=95))
    assert back.shape == (96, 160, 3)
    assert np.abs(back.astype(int) - picture()).max() <= 4


def test_any_viewer_reads_what_is_written():
    assert Image.open(io.BytesIO(jpeg.encode(picture()))).format == "JPEG"


def test_quality_falls_until_the_limit_holds():
    image = noise(480, 640)
    assert len(jpeg.encode(image, quality=95)) > 200_000
    assert len(jpeg.encode(image, quality=95, max_bytes=90_000)) <= 90_000


def test_a_picture_that_fits_at_no_quality_is_refused():
    with pytest.raises(FrameTooLargeError, match="over the limit of 500"):
        jpeg.encode(noise(480, 640), max_bytes=500)


def test_a_view_of_a_larger_picture_can_be_written():
    assert jpeg.size_of(jpeg.encode(noise(480, 640)[::2, ::2])) == (320, 240)


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 5), (5, 5, 4)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ShapeError):
        jpeg.encode(np.zeros(shape, np.uint8))


def test_grey_becomes_three_equal_channels():
    back = jpeg.decode(written_by_pillow("L"))
    assert back.shape == (96, 160, 3)
    assert (back[..., 0] == back[..., 2]).all()


def test_cmyk_keeps_its_colours():
    assert np.abs(jpeg.decode(written_by_pillow("CMYK"))[48, 80].astype(int) - RED_BGR).max() <= 6


def test_a_progressive_file_is_read():
    back = jpeg.decode(written_by_pillow("RGB", progressive=True))
    assert np.abs(back[48, 80].astype(int) - RED_BGR).max() <= 4


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(kept):
    data = jpeg.encode(noise(96, 160))
    with pytest.raises(UnreadableImageError):
        jpeg.decode(data[: int(len(data) * kept)])


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.usefixtures("_either_way")
def test_a_whole_picture_without_its_end_marker_is_read(lost: int, progressive: bool):
    data = written_by_pillow("RGB", progressive=progressive)
    assert jpeg.lacks_end(data[:-lost])
    assert np.array_equal(jpeg.decode(data[:-lost]), jpeg.decode(data))
    assert np.array_equal(jpeg.decode_yuv(data[:-lost]).y, jpeg.decode_yuv(data).y)


def test_zero_bytes_after_the_end_marker_are_padding():
    data = jpeg.encode(picture()) + bytes(512)
    assert not jpeg.lacks_end(data)
    assert jpeg.decode(data).shape == (96, 160, 3)


@pytest.mark.parametrize("read", [jpeg.decode, jpeg.decode_yuv])
def test_a_cut_picture_is_refused_with_the_rows_that_are_missing(read):
    data = jpeg.encode(noise(96, 160))
    with pytest.raises(UnreadableImageError, match=r"truncated: the last \d\d of 96 rows are missing"):
        read(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "empty"), (b"GIF89a" * 9, "not a JPEG"), (b"\xff\xd8\xff", "header is broken")]
)
def test_what_is_no_jpeg_is_refused_by_name(data, says):
    with pytest.raises(UnreadableImageError, match=says):
        jpeg.decode(data)


@pytest.mark.alone
def test_f15_a_bomb_is_refused_within_5_ms_by_its_header():
    data = bomb(30_000, 30_000)
    started = time.perf_counter()
    with pytest.raises(ImageTooLargeError, match="30000x30000"):
        jpeg.decode(data)
    assert time.perf_counter() - started < 0.005


def test_f14_no_mutant_ends_the_process():
    data, rng = jpeg.encode(noise(64, 64)), np.random.default_rng(3)
    for _ in range(300):
        mutant = bytearray(data)
        for at in rng.integers(0, len(data), 4):
            mutant[at] = rng.integers(0, 256)
        try:
            assert jpeg.decode(bytes(mutant), max_pixels=1_000_000).shape[2] == 3
        except (UnreadableImageError, ImageTooLargeError):
            continue


SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


@pytest.fixture(params=["libjpeg-turbo", "by way of BGR"])
def _either_way(request, monkeypatch):
    """With TurboJPEG's library, and as it is where there is none."""
    if request.param == "by way of BGR":
        monkeypatch.setattr(turbojpeg, "available", lambda: False)
    elif not turbojpeg.available():
        pytest.skip("libturbojpeg is not installed: apt-get install libturbojpeg0")


@pytest.mark.parametrize("mode", ["L", "CMYK", *SUBSAMPLING])
@pytest.mark.usefixtures("_either_way")
def test_planes_of_any_jpeg_show_the_same_as_its_pixels(mode):
    options = {"subsampling": SUBSAMPLING[mode]} if mode in SUBSAMPLING else {}
    data = written_by_pillow("RGB" if mode in SUBSAMPLING else mode, **options)
    assert np.abs(planes.to_bgr(jpeg.decode_yuv(data)).astype(int) - jpeg.decode(data)).max() <= 3


def test_only_what_loses_nothing_is_called_planar():
    assert jpeg.is_planar(written_by_pillow("RGB", subsampling=2))
    assert jpeg.is_planar(written_by_pillow("L"))
    assert not jpeg.is_planar(written_by_pillow("RGB", subsampling=0))
    assert not jpeg.is_planar(written_by_pillow("CMYK"))


def test_planes_go_through_a_file_unchanged_but_for_the_loss_of_jpeg():
    before = planes.from_bgr(noise(97, 161) // 8 + 100)
    after = jpeg.decode_yuv(jpeg.encode(before, quality=100))
    for one, other in ((before.y, after.y), (before.u, after.u), (before.v, after.v)):
        assert np.abs(one.astype(int) - other).max() <= 3


def test_the_same_planes_make_the_same_file_whatever_lay_in_memory_before():
    image = planes.from_bgr(picture(17, 19))
    image.y.base[:, 19] = 7
    first = jpeg.encode(image)
    image.y.base[:, 19] = 200
    assert jpeg.encode(image) == first


def test_limited_range_is_widened_when_written():
    grey = YuvImage(np.full((32, 32), 16, np.uint8), *np.full((2, 16, 16), 128, np.uint8), full_range=False)
    assert jpeg.decode(jpeg.encode(grey)).max() <= 2


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.9, 0.999])
@pytest.mark.usefixtures("_either_way")
def test_a_truncated_file_gives_no_planes(kept):
    data = jpeg.encode(noise(96, 160))
    with pytest.raises(UnreadableImageError):
        jpeg.decode_yuv(data[: int(len(data) * kept)])


@pytest.mark.usefixtures("_either_way")
@pytest.mark.alone
def test_f15_a_bomb_gives_no_planes():
    data = bomb(30_000, 30_000)
    started = time.perf_counter()
    with pytest.raises(ImageTooLargeError, match="30000x30000"):
        jpeg.decode_yuv(data)
    assert time.perf_counter() - started < 0.005


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "empty"), (b"GIF89a" * 9, "not a JPEG"), (b"\xff\xd8\xff", "header is broken")]
)
@pytest.mark.usefixtures("_either_way")
def test_what_is_no_jpeg_gives_no_planes(data, says):
    with pytest.raises(UnreadableImageError, match=says):
        jpeg.decode_yuv(data)


@pytest.mark.usefixtures("_either_way")
def test_after_any_broken_file_the_next_is_read():
    data = jpeg.encode(noise(96, 160))
    for kept in range(2, 700, 7):
        with pytest.raises(UnreadableImageError):
            jpeg.decode_yuv(data[:kept])
        assert jpeg.decode_yuv(data).size == (160, 96)


def test_planes_are_refused_where_pixels_are():
    """The same mutants are refused, or show the same."""
    data, rng = jpeg.encode(noise(64, 64)), np.random.default_rng(3)
    for _ in range(300):
        mutant = bytearray(data)
        for at in rng.integers(0, len(data), 4):
            mutant[at] = rng.integers(0, 256)
        assert _sees(jpeg.decode_yuv, bytes(mutant)) == _sees(jpeg.decode, bytes(mutant))


def _sees(decode, data):
    try:
        found = decode(data, max_pixels=1_000_000)
    except (UnreadableImageError, ImageTooLargeError) as error:
        return type(error)
    return found.size if isinstance(found, YuvImage) else found.shape[1::-1]
