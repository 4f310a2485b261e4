"""What a picture's file says besides pixels goes through, as far as the output's kind can hold it."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, IptcImagePlugin, PngImagePlugin
from tests.world import pictures
from tests.world.facts import of_picture

from davy.adapters.media.images import ImageFormat, decode, encode, left_out
from davy.adapters.media.images.exif import set_upright

ALL = tuple(ImageFormat)
SOURCES = {case.name: case.data for case in pictures.cases()}


def again(data: bytes, kind: ImageFormat | None = None) -> bytes:
    return encode(decode(data, ALL), kind)


@pytest.mark.parametrize(
    "name", ["metadata.jpg", "vendor-segment.jpg", "text.png", "time.png", "metadata.webp", "metadata.tif"]
)
def test_a_format_keeps_everything_that_its_own_files_say(name: str):
    assert of_picture(again(SOURCES[name])).metadata == of_picture(SOURCES[name]).metadata


@pytest.mark.parametrize("kind", [ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.TIFF])
def test_make_time_and_place_reach_every_other_format(kind: ImageFormat):
    for name in ("metadata.jpg", "metadata.tif", "metadata.webp"):
        before, after = of_picture(SOURCES[name]).metadata, of_picture(again(SOURCES[name], kind)).metadata
        said = {
            key: value for key, value in before.items() if key in ("make", "model", "time") or key.startswith(("exif", "place"))
        }
        assert said.items() <= after.items()
        assert after["xmp"] == before["xmp"]


@pytest.mark.parametrize("kind", [ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.TIFF])
@pytest.mark.parametrize("name", ["metadata.jpg", "metadata.tif"])
def test_iptc_is_kept_where_there_is_a_place_for_it(name: str, kind: ImageFormat):
    written = again(SOURCES[name], kind)
    if kind is ImageFormat.PNG:
        assert decode(written).metadata.photoshop == pictures.RESOURCES
        return
    with Image.open(io.BytesIO(written)) as file:
        assert IptcImagePlugin.getiptcinfo(file) == {(2, 5): b"Shaft 3", (2, 55): b"20260102"}


def test_what_a_format_cannot_hold_is_named():
    picture = decode(SOURCES["metadata.jpg"])
    assert left_out(picture, ImageFormat.JPEG) == ()
    assert left_out(picture, ImageFormat.WEBP) == (
        "IPTC left out: WEBP cannot hold it",
        "the comment left out: WEBP cannot hold it",
    )
    assert "EXIF left out: BMP cannot hold it" in left_out(picture, ImageFormat.BMP)
    assert left_out(decode(SOURCES["alpha.png"]), ImageFormat.JPEG) == (
        "transparent pixels became white: JPEG has no transparency",
    )
    assert left_out(decode(SOURCES["text.png"]), ImageFormat.JPEG) == ("PNG text left out: JPEG cannot hold it",)


def test_exif_over_64_kilobytes_is_left_out_of_a_jpeg_and_named():
    exif = pictures.exif()
    exif.get_ifd(0x8769)[0x927C] = bytes(70_000)
    picture = decode(pictures.saved(pictures.image(), "PNG", exif=exif))
    assert encode(picture, ImageFormat.JPEG)
    assert left_out(picture, ImageFormat.JPEG) == ("EXIF left out: JPEG cannot hold it",)


def test_the_sides_that_exif_tells_turn_with_the_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0xA002: 96, 0xA003: 64})
    orientation, block = set_upright(exif.tobytes())
    changed = Image.Exif()
    changed.load(block)
    sides = changed.get_ifd(0x8769)
    assert (orientation, changed[0x0112], sides[0xA002], sides[0xA003]) == (6, 1, 64, 96)


def test_a_thumbnail_of_the_picture_before_is_dropped_from_photoshop_blocks():
    thumbnail = b"8BIM\x04\x0c\0\0" + struct.pack(">I", 4) + b"dark"
    segment = b"Photoshop 3.0\0" + thumbnail + pictures.RESOURCES
    data = pictures.saved(pictures.image(), "JPEG", extra=struct.pack(">BBH", 0xFF, 0xED, len(segment) + 2) + segment)
    assert decode(data).metadata.photoshop == pictures.RESOURCES


def test_exif_as_imagemagick_keeps_it_in_a_png_turns_the_picture():
    block = pictures.exif(6).tobytes()
    text = PngImagePlugin.PngInfo()
    lines = "\n".join(block.hex()[at : at + 72] for at in range(0, 2 * len(block), 72))
    text.add_text("Raw profile type exif", f"\nexif\n{len(block):8d}\n{lines}\n", zip=True)
    picture = decode(pictures.saved(pictures.turned(6), "PNG", pnginfo=text))
    assert np.array_equal(picture.pixels[..., ::-1], pictures.scene())


def test_a_damaged_text_costs_no_pixel_and_is_said():
    whole = pictures.png_with((b"tEXt", b"Author\0Gao Wei"))
    at = whole.index(b"tEXt")
    damaged = whole[: at + 6] + b"X" + whole[at + 7 :]
    picture = decode(damaged)
    assert np.array_equal(picture.pixels[..., ::-1], pictures.scene())
    assert picture.notes == ("damaged chunks were left out: tEXt; the pixels are complete",)


def test_a_text_of_four_megabytes_passes_through_as_it_is():
    text = b"log\0\0" + zlib.compress(b"lamp " * 800_000)
    assert text in again(pictures.png_with((b"zTXt", text)))


@pytest.mark.parametrize("scale", [16, 257])
def test_samples_that_were_scaled_to_sixteen_bits_are_read_as_sixteen(scale: int):
    dark = np.arange(15, dtype=np.uint16).repeat(4).reshape(6, 10) * scale
    picture = decode(pictures.deep_png(dark))
    assert np.array_equal(picture.pixels[..., 0], dark >> 8)
    assert picture.notes == ()


def test_bits_that_content_alone_tells_are_said():
    picture = decode(pictures.deep_png(np.arange(4096, dtype=np.uint16).reshape(64, 64)))
    [note] = picture.notes
    assert note == "its samples of 16 bits were read as 12 bits: none is over 4,095, and no header declares them"


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_twelve_bit_colour_keeps_its_steps(kind: str):
    samples = pictures.scene().astype(np.uint16) * 16 + 5
    data = pictures.deep_png(samples) if kind == "PNG" else tiff_of(samples)
    assert np.array_equal(decode(data, ALL).pixels[..., ::-1], pictures.scene())


def tiff_of(samples: np.ndarray) -> bytes:
    """Uncompressed RGB of 16 bits, as machine-vision programs write it."""
    height, width = samples.shape[:2]
    entries = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 134), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 140),
        (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, samples.size * 2),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    head = b"II*\0" + struct.pack("<I", 8) + directory
    return head.ljust(134, b"\0") + struct.pack("<3H", 16, 16, 16) + samples.astype("<u2").tobytes()
