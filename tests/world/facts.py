"""What Pillow, ffprobe and ffmpeg say of a file: geometry, colour, time, sound, metadata."""

import io
import json
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, IptcImagePlugin, PngImagePlugin
from tests.world.videos import FFMPEG, FFPROBE

KEPT_TAGS = {271: "make", 272: "model", 306: "time", 315: "author", 270: "description", 305: "software"}
TIME = "best_effort_timestamp_time"
SOUND_NAMES = {"mp2": "mp3"}  # MP4 has one number for both, and ffprobe calls it MP3
SPOTS = ((0.12, 0.18), (0.12, 0.82), (0.5, 0.5), (0.88, 0.18), (0.88, 0.82))  # row and column, of the sides


@dataclass(frozen=True)
class Facts:
    """size: width and height, upright. spots: mean RGB of the corners and the centre, (5, 3). times: of pictures, in s."""

    size: tuple[int, int]
    spots: "np.ndarray"
    times: tuple[float, ...] = ()
    sound: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    transfer: str = ""
    interlaced: bool = False


def spots_of(rgb: "np.ndarray") -> "np.ndarray":
    """Mean colour around each spot, over an eighth of the shorter side."""
    height, width = rgb.shape[:2]
    reach = max(1, min(height, width) // 16)
    rows, columns = zip(*((int(y * height), int(x * width)) for y, x in SPOTS), strict=True)
    parts = [rgb[y - reach : y + reach, x - reach : x + reach] for y, x in zip(rows, columns, strict=True)]
    return np.array([part.reshape(-1, 3).mean(axis=0) for part in parts])


@contextmanager
def long_texts() -> Iterator[None]:
    """Let Pillow read texts of a PNG of any length."""
    before = PngImagePlugin.MAX_TEXT_CHUNK
    PngImagePlugin.MAX_TEXT_CHUNK = 2**26
    try:
        yield
    finally:
        PngImagePlugin.MAX_TEXT_CHUNK = before


def of_picture(data: bytes) -> Facts:
    """By Pillow, over white where it is transparent."""
    with long_texts(), Image.open(io.BytesIO(data)) as file:
        exif = file.getexif()
        metadata = {name: exif[tag] for tag, name in KEPT_TAGS.items() if tag in exif}
        metadata |= {f"exif {tag}": str(value) for tag, value in exif.get_ifd(0x8769).items() if tag in (0x9003, 0x9011)}
        metadata |= {f"place {tag}": str(value) for tag, value in exif.get_ifd(0x8825).items()}
        file.load()
        metadata |= {
            f"text {name}": str(text) for name, text in getattr(file, "text", {}).items() if not name.startswith(("XML", "Raw"))
        }
        if (iptc := IptcImagePlugin.getiptcinfo(file)) is not None:
            metadata["IPTC"] = sorted((key, str(value)) for key, value in iptc.items())
        for name in ("xmp", "icc_profile", "comment"):
            if file.info.get(name):
                metadata[name] = file.info[name]
        if "dpi" in file.info:
            metadata["resolution"] = tuple(round(float(value)) for value in file.info["dpi"])
        if (at := data.find(b"tIME")) > 0 and file.format == "PNG":
            metadata["tIME"] = struct.unpack_from(">HBBBBB", data, at + 4)
        if getattr(file, "applist", None):
            metadata |= {name: body for name, body in file.applist if name in ("APP7",)}
        shown = ImageOps.exif_transpose(file)
        assert shown is not None
        if shown.has_transparency_data:
            shown = shown.convert("RGBA")
            shown = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
        rgb = np.asarray(shown.convert("RGB"))
    return Facts((rgb.shape[1], rgb.shape[0]), spots_of(rgb), metadata=metadata)


def of_video(path: Path) -> Facts:
    """By ffprobe and ffmpeg, turned as ffmpeg turns it."""
    words = [str(FFPROBE), "-v", "error", "-of", "json", "-show_format", "-show_streams", f"file:{path}"]
    told = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    video = next(stream for stream in told["streams"] if stream["codec_type"] == "video")
    words = [str(FFPROBE), "-v", "error", "-of", "json", "-select_streams", "v:0"]
    words += ["-show_entries", "frame=best_effort_timestamp_time,interlaced_frame", f"file:{path}"]
    frames = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)["frames"]
    rgb = _first_picture(path)
    tags = told["format"].get("tags", {})
    kept = {"creation_time", "com.apple.quicktime.make", "title", "comment"}
    metadata = {name: text for name, text in ((name.lower(), text) for name, text in tags.items()) if name in kept}
    if any(stream["codec_type"] == "subtitle" for stream in told["streams"]):
        metadata["subtitles"] = "yes"
    return Facts(
        (rgb.shape[1], rgb.shape[0]),
        spots_of(rgb),
        _times(frames),
        tuple(
            SOUND_NAMES.get(stream["codec_name"], stream["codec_name"])
            for stream in told["streams"]
            if stream["codec_type"] == "audio"
        ),
        metadata,
        video.get("color_transfer", ""),
        any(int(frame.get("interlaced_frame", 0)) for frame in frames),
    )


def _times(frames: list[dict[str, Any]]) -> tuple[float, ...]:
    """Of every picture; one of which ffprobe knows none comes one period after the picture before."""
    times: list[float] = []
    for frame in frames:
        if TIME in frame:
            times.append(float(frame[TIME]))
        elif len(times) > 1:
            times.append(2 * times[-1] - times[-2])
    return tuple(round(time, 2) for time in times)


def _first_picture(path: Path) -> "np.ndarray":
    words = [
        str(FFMPEG),
        "-v",
        "error",
        "-i",
        f"file:{path}",
        "-frames:v",
        "1",
        "-vf",
        "scale=flags=accurate_rnd+full_chroma_int",
    ]
    shown = subprocess.run([*words, "-f", "image2pipe", "-c:v", "png", "-"], check=True, capture_output=True).stdout
    return np.asarray(Image.open(io.BytesIO(shown)).convert("RGB"))
