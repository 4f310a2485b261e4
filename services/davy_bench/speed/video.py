"""A camera's stream as a file: the measured process spends no time on the simulation of a camera."""

from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av

from davy.domain.frame import BgrImage
from davy_bench.speed.frames import moving_frames, ping_pong_order

SECONDS = 6  # duration; players repeat it
DRIFT = 0.01  # two cameras of 10 frames/s meet in every phase within 10 s
BITS_PER_PIXEL = 0.2  # 6 Mbit/s at 1080p and 15 frames/s: a common setting of cameras


def write_stream(path: Path, size: tuple[int, int], fps: float) -> Path:
    """Write H.264 like that of a camera: constant bit rate, a key frame per second, no B-frames."""
    frames = moving_frames(size, count=20)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], "yuv420p"
        stream.bit_rate = round(BITS_PER_PIXEL * size[0] * size[1] * fps)
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(max(round(fps), 1))}
        for image in _repeated(frames, round(SECONDS * fps)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def write_drifting_streams(folder: Path, size: tuple[int, int], fps: float, count: int) -> list[Path]:
    """Write streams of which each is DRIFT slower than the one before.

    Cameras of one rate keep their phases for a whole run. Frames that arrive together wait for each other: the chance of the
    start then decides over a median age by 10 ms and more. Streams that drift meet in every phase.
    """
    rates = [fps * (1 - DRIFT * number) for number in range(count)]
    return [write_stream(folder / f"camera-{number}.mp4", size, rate) for number, rate in enumerate(rates)]


def _repeated(frames: list[BgrImage], count: int) -> list[BgrImage]:
    return [frames[index] for index in islice(cycle(ping_pong_order(len(frames))), count)]
