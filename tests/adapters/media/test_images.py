"""Still pictures of every kind that people send, and of the kinds that attack."""

import io
import json
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from davy.adapters.media.images import ImageFormat, decode, encode
from davy.domain.errors import DavyError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError

ALL = tuple(ImageFormat)
RNG = np.random.default_rng(7)
# Left half red, right half blue, and darker downwards: every turn of it differs.
SCENE = np.zeros((32, 48, 3), np.uint8)
SCENE[:, :24, 0], SCENE[:, 24:, 2] = 255, 255
SCENE[16:] //= 2


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def scene(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(SCENE).convert(mode)


def png_of(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_lossless_formats_come_back_pixel_for_pixel(kind: str):
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = decode(file_of(scene(), kind, **options), ALL)
    assert picture.lossless
    assert np.array_equal(picture.pixels[..., ::-1], SCENE)
    again = decode(encode(picture), ALL)
    assert (again.format, again.lossless) == (picture.format, True)
    assert np.array_equal(again.pixels, picture.pixels)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_come_back_nearly(kind: str):
    picture = decode(file_of(scene(), kind, quality=95))
    assert not picture.lossless
    assert np.abs(picture.pixels[..., ::-1].astype(int) - SCENE).mean() < 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_a_truncated_picture_is_unreadable(kind: str):
    noise = Image.fromarray(RNG.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    whole = file_of(noise, kind)
    for part in (0.02, 0.5, 0.9):
        with pytest.raises((UnreadableImageError, UnsupportedImageError)):
            decode(whole[: int(len(whole) * part)], ALL)


def test_a_jpeg_cut_in_its_pixels_says_that_it_is_truncated():
    whole = file_of(Image.fromarray(RNG.integers(0, 255, (64, 64, 3), dtype=np.uint8)), "JPEG")
    with pytest.raises(UnreadableImageError, match="truncated"):
        decode(whole[:-200])


def test_an_empty_file_is_unreadable():
    with pytest.raises(UnreadableImageError, match="empty"):
        decode(b"")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7 ...", "a PDF"),
        (b"hello", "unknown format"),
        (b"\0\0\0 ftypheic", "HEIC"),
        (b"<html>", "HTML"),
        (file_of(scene("P"), "GIF"), "a GIF"),
        (file_of(scene(), "BMP"), "BMP"),
    ],
)
def test_what_is_no_picture_of_the_web_is_named_and_what_to_send_too(data: bytes, name: str):
    with pytest.raises(UnsupportedImageError, match=f"{name}.*send JPEG or PNG or WEBP"):
        decode(data)


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "TIFF"])
def test_several_pictures_in_one_file_are_refused(kind: str):
    other = Image.fromarray(SCENE[::-1])
    data = file_of(scene(), kind, save_all=True, append_images=[other])
    with pytest.raises(UnsupportedImageError, match="with 2 pictures"):
        decode(data, ALL)


def test_sixteen_bit_colour_is_reduced_to_its_upper_eight():
    row = b"\0" + struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0xFFFF, 0x00FF, 0x0100)
    picture = decode(png_of(2, 1, 16, 2, row))
    assert picture.pixels.tolist() == [[[0x9A, 0x56, 0x12], [0x01, 0x00, 0xFF]]]
    assert not picture.grey


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_reduced_to_its_upper_eight(kind: str):
    data = file_of(Image.fromarray(np.array([[0x1234, 0xFFFF]], np.uint16)), kind)
    picture = decode(data, ALL)
    assert picture.grey
    assert picture.pixels[0, :, 0].tolist() == [0x12, 0xFF]


def test_float_samples_are_refused():
    data = file_of(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF")
    with pytest.raises(UnsupportedImageError, match="8 or 16 bits"):
        decode(data, ALL)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
def test_grey_stays_grey(kind: str):
    picture = decode(file_of(scene("L"), kind), ALL)
    assert picture.grey
    assert picture.pixels.shape == (32, 48, 3)
    assert Image.open(io.BytesIO(encode(picture))).mode == "L"


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("kind", [ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.TIFF])
def test_alpha_is_kept(mode: str, kind: ImageFormat):
    image = scene(mode)
    image.putalpha(Image.fromarray(np.arange(32 * 48, dtype=np.uint8).reshape(32, 48)))
    picture = decode(file_of(image, "PNG"))
    assert picture.grey == (mode == "LA")
    written = Image.open(io.BytesIO(encode(picture, kind, quality=100)))
    assert np.array_equal(np.asarray(written.getchannel("A")), np.asarray(image.getchannel("A")))


def test_alpha_becomes_white_where_the_format_has_none():
    image = scene("RGBA")
    image.putalpha(0)
    written = Image.open(io.BytesIO(encode(decode(file_of(image, "PNG")), ImageFormat.JPEG)))
    assert np.asarray(written).min() >= 254


def test_a_palette_with_a_transparent_colour_becomes_colour_with_alpha():
    palette = scene("P")
    picture = decode(file_of(palette, "PNG", transparency=palette.getpixel((0, 0))))
    assert picture.alpha is not None
    assert (picture.alpha[0, 0], picture.alpha[0, -1]) == (0, 255)


def test_cmyk_becomes_rgb():
    picture = decode(file_of(scene("CMYK"), "JPEG", quality=95))
    assert np.abs(picture.pixels[..., ::-1].astype(int) - SCENE).mean() < 8
    assert picture.metadata.icc == b""


def test_a_broken_profile_is_no_reason_to_refuse_a_cmyk_picture():
    assert decode(file_of(scene("CMYK"), "JPEG", icc_profile=b"nonsense")).pixels.shape == (32, 48, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied_and_says_upright_afterwards(orientation: int, kind: str):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = scene() if orientation == 1 else scene().transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Davy lamps"
    picture = decode(file_of(stored, kind, exif=exif, **({"quality": 95} if kind in ("JPEG", "WEBP") else {})), ALL)
    assert picture.pixels.shape == SCENE.shape
    assert np.abs(picture.pixels[..., ::-1].astype(int) - SCENE).mean() < 8
    written = Image.open(io.BytesIO(encode(picture)))
    assert written.getexif().get(0x0112, 1) == 1
    if kind != "TIFF":
        assert written.getexif()[0x010F] == "Davy lamps"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow says so on stderr, once
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0II*\0", b"Exif\0\0MM\0*\0\0\xff\xff", b"nonsense", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\1" * 60]
)
def test_a_damaged_exif_block_is_dropped_and_the_picture_kept(exif: bytes):
    picture = decode(file_of(scene(), "JPEG", exif=exif))
    assert (picture.pixels.shape, picture.metadata.exif) == (SCENE.shape, b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_profile_and_resolution_are_kept(kind: str):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    dpi = {} if kind == "WEBP" else {"dpi": (300, 300)}
    picture = decode(file_of(scene(), kind, icc_profile=profile, **dpi), ALL)
    written = Image.open(io.BytesIO(encode(picture)))
    assert written.info["icc_profile"] == profile
    assert kind == "WEBP" or round(written.info["dpi"][0]) == 300


def test_a_webp_wider_than_the_format_allows_is_refused():
    picture = decode(png_of(16_400, 1, 8, 0, b"\0" + bytes(16_400)))
    with pytest.raises(UnsupportedImageError, match="16400x1"):
        encode(picture, ImageFormat.WEBP)


def jpeg_bomb(side: int = 30_000) -> bytes:
    """A real, complete grey JPEG of side x side black pixels: one 8x8 block is DC 0, end of block, over and over."""
    small = file_of(Image.new("L", (8, 8), 128), "JPEG")
    frame = small.index(b"\xff\xc0")
    scan = small.index(b"\xff\xda")
    header = small[: frame + 5] + struct.pack(">HH", side, side) + small[frame + 9 : scan + 10]
    blocks = (-(-side // 8)) ** 2
    return header + bytes.fromhex("28a2" * 3)[:6] * (blocks * 6 // 8 // 6 + 1) + b"\xff\xd9"


def png_bomb(side: int = 30_000) -> bytes:
    deflate = zlib.compressobj(level=1)
    some = bytes((side + 1) * (side // 30))
    rows = b"".join(deflate.compress(some) for _ in range(30)) + deflate.flush()
    empty = png_of(side, side, 8, 0, b"")
    start = empty.index(b"IDAT") - 4
    body = struct.pack(">I", len(rows)) + b"IDAT" + rows + struct.pack(">I", zlib.crc32(b"IDAT" + rows))
    return empty[:start] + body


PROBE = """
import json, sys, time
import psutil
from davy.adapters.media.images import decode
from davy.domain.errors import DavyError
bomb, harmless = (open(name, "rb").read() for name in sys.argv[1:])
decode(harmless)
process = psutil.Process()
before, start = process.memory_info().rss, time.perf_counter()
try:
    decode(bomb)
    error = "none"
except DavyError as refusal:
    error = type(refusal).__name__
print(json.dumps([error, time.perf_counter() - start, process.memory_info().rss - before]))
"""


@pytest.mark.system
@pytest.mark.parametrize("bomb", [jpeg_bomb, png_bomb])
@pytest.mark.alone
def test_f15_a_bomb_is_refused_in_milliseconds_with_memory_flat(bomb, tmp_path: Path):
    (tmp_path / "bomb").write_bytes(bomb())
    (tmp_path / "harmless").write_bytes(file_of(scene(), "JPEG" if bomb is jpeg_bomb else "PNG"))
    command = [sys.executable, "-c", PROBE, tmp_path / "bomb", tmp_path / "harmless"]
    error, took_s, grown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert error == ImageTooLargeError.__name__
    assert took_s < 0.05
    assert grown <= 5e6


@pytest.mark.alone
def test_thousands_of_scans_are_refused_at_once():
    whole = file_of(scene(), "JPEG", progressive=True)
    scan = whole.index(b"\xff\xda")
    start = time.perf_counter()
    with pytest.raises(UnreadableImageError, match="scans"):
        decode(whole[:-2] + whole[scan:-2] * 1000 + b"\xff\xd9")
    assert time.perf_counter() - start < 0.1


NOISE = Image.fromarray(RNG.integers(0, 255, (40, 56, 3), dtype=np.uint8))
SEEDS = [
    file_of(NOISE, "JPEG"),
    file_of(NOISE, "JPEG", progressive=True),
    file_of(NOISE.convert("CMYK"), "JPEG"),
    file_of(NOISE, "PNG"),
    file_of(NOISE.convert("P"), "PNG"),
    file_of(NOISE, "WEBP"),
    file_of(NOISE, "WEBP", lossless=True),
]


def test_a_webp_that_says_it_is_huge_is_too_large_and_no_fault():
    data = bytearray(file_of(NOISE, "WEBP", lossless=True))
    data[21:25] = (14_000 | 14_000 << 14).to_bytes(4, "little")  # width - 1 and height - 1, 14 bits each
    with pytest.raises(ImageTooLargeError, match="64 megapixels"):
        decode(bytes(data))


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1, max_size=6)), max_size=6),
    st.floats(0.3, 1),
)
def test_f14_a_mutated_picture_is_read_or_refused_and_nothing_else(seed: bytes, edits: list[tuple[float, bytes]], keep: float):
    data = bytearray(seed)
    for place, patch in edits:
        start = int(place * len(data))
        data[start : start + len(patch)] = patch
    try:
        picture = decode(bytes(data[: int(len(data) * keep)]))
    except DavyError:
        return
    assert picture.pixels.dtype == np.uint8
    assert encode(picture, ImageFormat.JPEG)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_twelve_bits_in_sixteen_keep_their_steps(kind: str):
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    picture = decode(file_of(Image.fromarray(ramp), kind), ALL)
    assert np.array_equal(picture.pixels[..., 0], ramp >> 4)


def test_the_header_says_how_many_bits_count():
    dark = Image.fromarray(np.full((8, 8), 1000, np.uint16))
    picture = decode(file_of(dark, "TIFF", tiffinfo={281: 16383}), ALL)
    assert (picture.pixels == 1000 >> 6).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_xmp_is_kept_in_every_format(kind: str):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">Davy lamps</x:xmpmeta>'
    picture = decode(file_of(scene(), "JPEG", xmp=xmp), ALL)
    written = Image.open(io.BytesIO(encode(picture, ImageFormat(f"image/{kind.lower()}"))))
    assert written.info["xmp"] == xmp
