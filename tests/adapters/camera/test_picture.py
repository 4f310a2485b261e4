import io
import struct
import time
import zlib
from itertools import pairwise

import numpy as np
import pytest
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image, ImageOps

from davy.adapters.camera.picture import PlaneConverter, read_picture
from davy.adapters.media import jpeg, planes
from davy.domain.errors import ImageTooLargeError, InvalidInputError, UnsupportedImageError
from davy.domain.frame import YuvImage

BLUE_RGB = (30, 60, 200)


def saved(path, mode="RGB", **options):
    Image.new("RGB", (64, 48), BLUE_RGB).convert(mode).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".jfif", ".png", ".webp", ".bmp", ".tif"])
def test_every_format_is_read(tmp_path, suffix):
    pixels = planes.bgr_of(read_picture(saved(tmp_path / f"a{suffix}")))
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels[20, 30].astype(int) - BLUE_RGB[::-1]).max() <= 4


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16", "1"])
def test_grey_alpha_palette_and_16_bit_become_bgr(tmp_path, mode):
    if mode == "I;16":
        Image.fromarray(np.full((48, 64), 32768, np.uint16)).save(tmp_path / "a.png")
        assert abs(int(read_picture(tmp_path / "a.png")[5, 5, 0]) - 128) <= 1
    else:
        assert read_picture(saved(tmp_path / "a.png", mode)).shape == (48, 64, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".jfif", ".png", ".webp", ".bmp", ".tif"])
def test_a_truncated_or_empty_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)).save(path)
    whole = path.read_bytes()
    for kept in (0, 20, len(whole) // 3):
        path.write_bytes(whole[:kept])
        with pytest.raises(InvalidInputError):
            read_picture(path)


@pytest.mark.alone
def test_a31_a_png_bomb_is_refused_before_its_pixels(tmp_path):
    out = io.BytesIO(b"")
    out.write(b"\x89PNG\r\n\x1a\n")
    for kind, body in (
        (b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(90_000))),
        (b"IEND", b""),
    ):
        out.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    (tmp_path / "bomb.png").write_bytes(out.getvalue())
    began = time.perf_counter()
    with pytest.raises(InvalidInputError):
        read_picture(tmp_path / "bomb.png")
    assert time.perf_counter() - began < 0.05


def test_a_picture_of_over_64_megapixels_says_the_limit(tmp_path):
    Image.new("L", (8200, 8200)).save(tmp_path / "a.png")
    with pytest.raises(ImageTooLargeError, match="64 megapixels"):
        read_picture(tmp_path / "a.png")


def test_text_with_a_picture_s_name_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("not a picture")
    with pytest.raises(UnsupportedImageError):
        read_picture(tmp_path / "a.png")


def test_a_jpeg_gives_the_planes_that_are_in_it(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg.encode(colours(48, 64)))
    found = read_picture(tmp_path / "a.jpg")
    assert isinstance(found, YuvImage)
    assert np.array_equal(found.u, jpeg.decode_yuv((tmp_path / "a.jpg").read_bytes()).u)


@pytest.mark.parametrize("planar", [True, False])
def test_resizing_gives_the_size_asked_for(planar):
    image = colours(720, 1280)
    found = PlaneConverter((160, 90)).resize(planes.from_bgr(image) if planar else image)
    assert found.size == (160, 90)
    assert np.abs(planes.to_bgr(found).astype(int) - image[::8, ::8]).mean() < 4


def colours(height, width):
    """Smooth colours, none of them at the end of the range."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([60 + 120 * columns / width, 60 + 120 * rows / height, 200 - 120 * columns / width], -1).astype(np.uint8)


def frame_of(image, name, **options):
    return VideoReformatter().reformat(VideoFrame.from_ndarray(image, "bgr24"), format=name, **options)


@pytest.mark.parametrize("size", [(48, 64), (50, 66), (49, 65)])
@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("yuvj420p", "ITU601"),
        ("yuv420p", "ITU601"),
        ("yuv420p", "ITU709"),
        ("yuv422p", "ITU601"),
        ("yuv444p", "ITU709"),
        ("nv12", "ITU601"),
        ("rgb24", "ITU601"),
        ("gray", "ITU601"),
    ],
)
def test_planes_of_any_decoder_show_its_colours(name, matrix, size):
    image = colours(*size)
    if name == "gray":
        image = image[..., :1].repeat(3, 2)
    found = PlaneConverter(None)(frame_of(image, name, dst_colorspace=matrix))
    assert found.full_range
    assert found.size == size[::-1]
    assert np.abs(planes.to_bgr(found).astype(int) - image)[2:-2, 2:-2].max() <= 10  # chroma is smooth, and 2 px wide


def test_planes_that_are_as_jpeg_s_stay_where_the_decoder_put_them():
    frame = frame_of(colours(48, 64), "yuvj420p")
    y = PlaneConverter(None)(frame).y
    assert y.__array_interface__["data"][0] == frame.planes[0].buffer_ptr
    assert not y.flags.owndata
    before = y.copy()
    del frame
    assert np.array_equal(y, before)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright_as_its_exif_says(tmp_path, orientation, suffix):
    image = Image.fromarray(colours(96, 128)[..., ::-1])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / f"a{suffix}", exif=exif, quality=95)
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / f"a{suffix}")))[..., ::-1]
    found = planes.bgr_of(read_picture(tmp_path / f"a{suffix}"))
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() < 2


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_with_its_reason(transfer, name):
    frame = frame_of(colours(48, 64), "yuv420p10le")
    frame.color_trc = transfer
    with pytest.raises(UnsupportedImageError, match=name):
        PlaneConverter(None)(frame)


def test_an_interlaced_frame_of_a_live_camera_has_no_comb():
    """A bright bar that moved 8 pixels between the two fields."""
    luma = np.full((64, 96), 40, np.uint8)
    luma[0::2, 30:50] = 200
    luma[1::2, 38:58] = 200
    planar = np.concatenate([luma.ravel(), np.full(64 * 96 // 2, 128, np.uint8)]).reshape(96, 96)
    progressive = VideoFrame.from_ndarray(planar, "yuv420p")
    interlaced = marked_interlaced(progressive)
    assert interlaced.interlaced_frame
    assert comb(PlaneConverter(None)(interlaced).y) < 0.25 * comb(luma)
    assert comb(PlaneConverter(None)(progressive).y) > 0.9 * comb(luma)


def marked_interlaced(frame: VideoFrame) -> VideoFrame:
    graph = Graph()
    nodes = [
        graph.add("buffer", f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1000"),
        graph.add("setparams", "field_mode=tff"),
        graph.add("buffersink"),
    ]
    for one, following in pairwise(nodes):
        one.link_to(following)
    graph.configure()
    graph.push(frame)
    return graph.pull()


def comb(luma: np.ndarray) -> float:
    """How much every second line differs from its neighbours."""
    rows = luma.astype(int)
    return float(np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean())
