"""A camera's stream as a file: what a real camera would send, so that simulating it costs the measured process nothing."""

from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av

from davy.domain.frame import BgrImage
from davy_bench.speed.frames import moving, to_and_fro

SECONDS = 6  # then it begins again
BITS_PER_PIXEL = 0.2  # 6 Mbit/s at 1080p and 15 frames/s: what cameras are usually set to


def write_stream(path: Path, size: tuple[int, int], fps: float) -> Path:
    """H.264 as cameras make it: a fixed rate, a key frame every second, no frame after one that is shown later."""
    frames = moving(size, count=20)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], "yuv420p"
        stream.bit_rate = round(BITS_PER_PIXEL * size[0] * size[1] * fps)
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(max(round(fps), 1))}
        for image in _shown(frames, round(SECONDS * fps)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def _shown(frames: list[BgrImage], count: int) -> list[BgrImage]:
    return [frames[index] for index in islice(cycle(to_and_fro(len(frames))), count)]
