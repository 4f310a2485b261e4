import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from davy.adapters.camera.picture import PICTURE_CODECS, ToBgr, read_picture
from davy.errors import ImageTooLargeError, InvalidInputError, UnreadableImageError

BLUE_RGB = (30, 60, 200)


def saved(path, mode="RGB", **options):
    Image.new("RGB", (64, 48), BLUE_RGB).convert(mode).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", PICTURE_CODECS)
def test_every_format_becomes_bgr(tmp_path, suffix):
    pixels = read_picture(saved(tmp_path / f"a{suffix}"))
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels[20, 30].astype(int) - BLUE_RGB[::-1]).max() <= 4


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16", "1"])
def test_grey_alpha_palette_and_16_bit_become_bgr(tmp_path, mode):
    if mode == "I;16":
        Image.fromarray(np.full((48, 64), 32768, np.uint16)).save(tmp_path / "a.png")
        assert abs(int(read_picture(tmp_path / "a.png")[5, 5, 0]) - 128) <= 1
    else:
        assert read_picture(saved(tmp_path / "a.png", mode)).shape == (48, 64, 3)


@pytest.mark.parametrize("suffix", PICTURE_CODECS)
def test_a_truncated_or_empty_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)).save(path)
    whole = path.read_bytes()
    for kept in (0, 20, len(whole) // 3):
        path.write_bytes(whole[:kept])
        with pytest.raises(InvalidInputError):
            read_picture(path)


def test_a_png_bomb_is_refused_before_its_pixels(tmp_path):
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
    with pytest.raises(ImageTooLargeError, match="64,000,000"):
        read_picture(tmp_path / "a.png")


def test_text_with_a_picture_s_name_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("not a picture")
    with pytest.raises(UnreadableImageError):
        read_picture(tmp_path / "a.png")


def test_resizing_gives_the_size_asked_for():
    assert ToBgr((160, 90)).resize(np.zeros((720, 1280, 3), np.uint8)).shape == (90, 160, 3)
