"""Two hundred awkward inputs, varied by a seed from what the world sends; and a child process that puts them through Davy.

`python -m tests.world.awkward FOLDER` reads every file of a folder and prints one line of JSON for each.
"""

import io
import json
import sys
import time
import traceback
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps
from tests.world import pictures

from davy.adapters.camera import open_source
from davy.adapters.media.images import ImageFormat
from davy.domain.errors import DavyError
from davy.domain.ports import SourceOptions
from davy.files import OutputOptions
from davy.imaging.runtime import StillEnhancer
from davy_enhancer.files import enhance_file, plan

CAMERA_S = 2.0
CLIPS = (("mp4", "h264"), ("mkv", "h264"), ("ts", "h264"), ("avi", "mpeg4"), ("webm", "libvpx"), ("mov", "mjpeg"))
PICTURES = (
    "plain.jpg", "progressive.jpg", "metadata.jpg", "cmyk.jpg", "plain.png", "palette.png", "text.png", "16-bit.png",
    "lossy.webp", "metadata.webp", "plain.tif", "metadata.tif", "grey.bmp",
)  # fmt: skip
ODD_NAMES = (
    "-dash.jpg", "two words.jpg", "percent%20.jpg", "Üñí-矿灯.jpg", "12:30:00.jpg", "a" * 200 + ".jpg", "quote'.jpg",
    "UPPER.JPG",
    "dots..jpg", "hash#.jpg", "question?.jpg", "star*.jpg", "comma,.jpg", "dollar$.jpg", "bracket[0].jpg", "equals=.jpg",
)  # fmt: skip


def inputs(count: int | None = None, seed: int = 12) -> dict[str, bytes]:
    """Files by name: all, or so many of them, evenly chosen over every kind."""
    whole = dict(_all(np.random.default_rng(seed)))
    names = list(whole)
    step = len(names) / (count or len(names))
    return {names[int(number * step)]: whole[names[int(number * step)]] for number in range(count or len(names))}


def _all(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    stills = {case.name: case.data for case in pictures.cases() if case.name in PICTURES}
    clips = {f"clip.{suffix}": clip(suffix, codec) for suffix, codec in CLIPS}
    for name in ODD_NAMES:
        yield name, stills["plain.jpg"]
    for name, data in stills.items():
        yield from _variants(name, data, rng, flips=4)
    for name, data in clips.items():
        yield from _variants(name, data, rng, flips=6)
    yield from _wrapped(stills, clips)


def _variants(name: str, data: bytes, rng: np.random.Generator, flips: int) -> Iterator[tuple[str, bytes]]:
    stem, suffix = name.split(".")
    for share in (0.1, 0.6, 0.97):
        yield f"cut-{stem}-{share:g}.{suffix}", data[: int(len(data) * share)]
    for number in range(flips):
        changed = bytearray(data)
        reach = 80 if number % 2 else len(data)  # in the header, then anywhere
        for at in rng.integers(0, min(reach, len(data)), 1 + number):
            changed[at] = rng.integers(0, 256)
        yield f"flipped-{stem}-{number}.{suffix}", bytes(changed)
    at = int(rng.integers(12, min(200, len(data))))
    yield f"huge-number-{stem}.{suffix}", data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]
    yield f"zeros-{stem}.{suffix}", data[:at] + bytes(64) + data[at + 64 :]


def _wrapped(stills: dict[str, bytes], clips: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Right content in the wrong wrapping."""
    jpeg, png, mp4 = stills["plain.jpg"], stills["plain.png"], clips["clip.mp4"]
    for suffix, data in (
        ("png", jpeg),
        ("jpg", png),
        ("webp", png),
        ("bmp", stills["plain.tif"]),
        ("tif", stills["lossy.webp"]),
    ):
        yield f"misnamed-{len(data)}.{suffix}", data
    for suffix in ("mkv", "avi", "ts", "jpg"):
        yield f"misnamed-clip.{suffix}", mp4
    yield "jpeg-named.mp4", jpeg
    yield "no-suffix", jpeg
    yield "clip-without-suffix", mp4
    for name, before in (
        ("newline", b"\r\n"),
        ("bom", b"\xef\xbb\xbf"),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("nul", bytes(16)),
    ):
        yield f"{name}-before.jpg", before + jpeg
    for name, after in (("twice", jpeg), ("zip", b"PK\3\4" + bytes(60)), ("video", mp4), ("padding", bytes(5000))):
        yield f"{name}-after.jpg", jpeg + after
    for name, data in (("empty", b""), ("one-byte", b"\xff"), ("text", b"not a picture\n"), ("html", b"<html>404</html>")):
        for suffix in ("jpg", "png", "mp4", "ts"):
            yield f"{name}.{suffix}", data
    yield "playlist.ts", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"
    yield "concat.mkv", b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield "twice.ts", clips["clip.ts"] * 2
    yield "reversed.ts", clips["clip.ts"][-188 * 20 :] + clips["clip.ts"]


def clip(suffix: str, codec: str) -> bytes:
    """Five pictures of the rendered frame, moving."""
    file = io.BytesIO()
    kind = {"mkv": "matroska", "ts": "mpegts"}.get(suffix, suffix)
    with av.open(file, "w", format=kind) as writer:
        stream = writer.add_stream(codec, rate=10)
        stream.width, stream.height = pictures.WIDTH, pictures.HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(np.roll(pictures.scene(), 4 * number, axis=1), "rgb24")
            frame.pts = number
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    return file.getvalue()


def judge(path: Path, outputs: Path, still: StillEnhancer) -> dict[str, object]:
    """Put one file through the command line's code and a camera.

    Returns:
        outcome: "enhanced", "refused", or an exception that is no word of Davy's.
        told: What the user reads. silent: What was lost without a word.
    """
    began = time.process_time()
    answer: dict[str, object] = {"name": path.name, "told": [], "silent": ""}
    try:
        tasks = plan([path], outputs, overwrite=True).tasks
        told = enhance_file(tasks[0], still, OutputOptions())
        answer |= {"outcome": "enhanced", "told": told, "silent": _lost(path, tasks[0].target, told)}
    except (DavyError, OSError) as error:
        answer |= {"outcome": "refused", "told": [str(error)]}
    except Exception as error:  # noqa: BLE001  # what the test looks for
        answer |= {"outcome": f"{type(error).__name__} at {_place(error)}", "told": [str(error)]}
    try:
        source = open_source(f"file://{path}", SourceOptions(fps=50, timeout_s=CAMERA_S, loop=False))
        try:
            source.read()
        finally:
            source.close()
    except DavyError as error:
        answer["camera"] = str(error)
    except Exception as error:  # noqa: BLE001  # what the test looks for
        answer |= {"outcome": f"{type(error).__name__} at {_place(error)}", "camera": str(error)}
    return answer | {"cpu_s": time.process_time() - began}


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _lost(source: Path, target: Path, told: list[str]) -> str:
    """What the output lacks of the source, as Pillow and PyAV see them, where nothing was told."""
    if told:
        return ""
    if ImageFormat.of(target) is not None:
        before, after = (_picture_size(path) for path in (source, target))
        return "" if before in (None, after) else f"{before} became {after}"
    before, after = (_frames(path) for path in (source, target))
    return "" if after >= before else f"{before} pictures became {after}"


def _picture_size(path: Path) -> tuple[int, int] | None:
    try:
        with Image.open(path) as file:
            shown = ImageOps.exif_transpose(file)
            return shown.size if shown else None
    except Exception:  # noqa: BLE001  # what Pillow cannot read is no reference
        return None


def _frames(path: Path) -> int:
    count = 0
    try:
        with av.open(f"file:{path}", metadata_errors="replace") as reader:
            for packet in reader.demux(video=0):
                try:
                    count += len(packet.decode())
                except av.FFmpegError:
                    continue
    except (av.FFmpegError, IndexError):
        pass
    return count


def serve(folder: Path) -> None:
    """Judge every file of a folder, one line each."""
    still, outputs = StillEnhancer(), folder.parent / "outputs"
    outputs.mkdir(exist_ok=True)
    for path in sorted(folder.iterdir()):
        print(json.dumps(judge(path, outputs, still)), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
