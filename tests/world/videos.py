"""Videos as recorders, phones and editors write them: ffmpeg encodes the rendered frame, moving."""

import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image
from tests.world.pictures import HEIGHT, WIDTH, image

FFMPEG, FFPROBE = shutil.which("ffmpeg"), shutil.which("ffprobe")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "12", "-pix_fmt", "yuv420p")
BT709 = ("-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "10", "-x265-params", "log-level=none", "-pix_fmt")
AAC, NONE = ("-c:a", "aac"), ("-an",)
CREATED = ("-metadata", "creation_time=2026-01-02T12:30:00Z")


@dataclass(frozen=True)
class Clip:
    """One input. make: writes it to a path."""

    name: str
    make: Callable[[Path], None]


def ffmpeg(*words: object) -> None:
    subprocess.run([str(FFMPEG), "-v", "error", "-y", *map(str, words)], check=True)


def _encode(path: Path, *words: str, size: tuple[int, int] = (WIDTH, HEIGHT), picture: Image.Image | None = None) -> None:
    still = path.with_name(f"{path.stem}-still.png")
    (picture or image()).resize(size, Image.Resampling.NEAREST).save(still)
    ffmpeg(
        *("-loop", 1, "-framerate", 10, "-t", 1, "-i", still),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=1:sample_rate=8000"),
        *words,
        "-shortest",
        path,
    )
    still.unlink()


def _copied(path: Path, suffix: str, first: tuple[str, ...], *words: str) -> None:
    """By way of another file, whose packets are copied."""
    before = path.with_name(f"{path.stem}-before{suffix}")
    _encode(before, *first)
    ffmpeg("-i", before, "-c", "copy", *words, path)
    before.unlink()


def _matrix(path: Path, matrix: tuple[int, ...]) -> None:
    """An MP4 whose track header says how the picture is shown: a, b, c, d of the matrix."""
    _encode(path, *X264, *NONE)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # of version 0: flags, times, id, duration, layer, volume
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def _joined(path: Path) -> None:
    _encode(path, *X264, *AAC)
    path.write_bytes(path.read_bytes() * 2)


def _with_subtitles(path: Path) -> None:
    text = path.with_suffix(".srt")
    text.write_text("1\n00:00:00,000 --> 00:00:01,000\nshaft 3\n")
    before = path.with_name("before.mp4")
    _encode(before, *X264, *AAC)
    ffmpeg("-i", before, "-i", text, "-c:v", "copy", "-c:a", "copy", "-c:s", "mov_text", path)
    text.unlink()
    before.unlink()


def _hdr(transfer: str) -> tuple[str, ...]:
    return ("-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc", transfer)


def _clip(name: str, *words: str, **options: object) -> Clip:
    return Clip(name, partial(_encode, **options) if not words else lambda path: _encode(path, *words, **options))


CLIPS = (
    _clip("recorder.mp4", *X264, *AAC, *CREATED),
    _clip("b-frames.mkv", "-c:v", "libx264", "-bf", "2", "-pix_fmt", "yuv420p", "-qp", "12", *AAC),
    _clip("bt709.mp4", *BT709, *X264, *NONE),
    _clip("full-range.mp4", *X264[:-1], "yuvj420p", *NONE),
    _clip("444.mp4", *X264[:-1], "yuv444p", *NONE),
    _clip("422-10-bit.mkv", *X264[:-1], "yuv422p10le", *NONE),
    _clip("10-bit.mkv", *X265, "yuv420p10le", *NONE),
    _clip("infrared.mp4", *X264, *NONE, picture=image("L").convert("RGB")),
    _clip("luma-only.mkv", "-c:v", "ffv1", "-pix_fmt", "gray", *NONE),
    _clip("odd-sides.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv444p", *NONE, size=(WIDTH - 1, HEIGHT - 1)),
    _clip("variable-rate.mkv", "-vf", "setpts='if(lt(N,5),N*0.1,0.5+(N-5)*0.37)/TB'", "-fps_mode", "vfr", *X264, *NONE),
    _clip("one-key-frame.mp4", *X264, "-g", "600", *AAC),
    Clip("g711.mkv", lambda path: _copied(path, ".mov", (*X264, "-c:a", "pcm_alaw"))),
    _clip(
        "phone.mov", *X264, *AAC, *CREATED, "-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.make=Davy lamps"
    ),
    Clip("turned-90.mp4", lambda path: _matrix(path, (0, 1, -1, 0))),
    Clip("turned-180.mp4", lambda path: _matrix(path, (-1, 0, 0, -1))),
    Clip("turned-270.mp4", lambda path: _matrix(path, (0, -1, 1, 0))),
    Clip("mirrored.mp4", lambda path: _matrix(path, (-1, 0, 0, 1))),
    Clip("upside-down.mp4", lambda path: _matrix(path, (1, 0, 0, -1))),
    Clip("transposed.mp4", lambda path: _matrix(path, (0, 1, 1, 0))),
    _clip("interlaced.mp4", "-vf", "tinterlace=interleave_top,fieldorder=tff", *X264, "-flags", "+ildct+ilme", *NONE),
    _clip("hdr10.mp4", *X265, "yuv420p10le", *_hdr("smpte2084"), *NONE),
    _clip("hlg.mp4", *X265, "yuv420p10le", *_hdr("arib-std-b67"), *NONE),
    Clip("joined.ts", _joined),
    Clip("subtitles.mp4", _with_subtitles),
    _clip(
        "browser.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-crf", "10", "-pix_fmt", "yuv420p", "-c:a", "libopus"
    ),
    _clip("rgb.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-crf", "10", "-pix_fmt", "gbrp", *NONE),
    _clip("motion-jpeg.avi", "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"),
    _clip("mpeg2.mpg", "-c:v", "mpeg2video", "-r", "25", "-q:v", "2", "-c:a", "mp2", "-ar", "16000"),
    _clip("flash.flv", *X264, "-c:a", "aac"),
    _clip("feature-phone.3gp", *X264, *AAC),
    _clip("2026-01-02T12:30:00.mp4", *X264, *AAC),
    _clip("raw.h264", *X264, "-bsf:v", "dump_extra", *NONE),
)
