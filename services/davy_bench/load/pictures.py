"""Ready pictures and packets: made once, so that the generator's time goes into the wires."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from davy.adapters.media import jpeg
from davy.adapters.media.h264 import EncoderOptions, H264Encoder
from davy_bench.speed.frames import moving_frames, ping_pong_order

COUNT = 5
QUALITY = 80


@dataclass(frozen=True, slots=True)
class Pictures:
    """Encoded pictures that repeat.

    Args:
        size: (width, height) in pixels.
        data: JPEG files, or H.264 access units.
        keys: Whether decoding can start at each; all of them for JPEG.
    """

    size: tuple[int, int]
    data: Sequence[bytes]
    keys: Sequence[bool]

    @property
    def mean_bytes(self) -> float:
        """Mean size of a picture."""
        return sum(map(len, self.data)) / len(self.data)


def jpeg_pictures(size: tuple[int, int]) -> Pictures:
    """Render pictures of the simulated mine as JPEG."""
    made = [jpeg.encode(image, QUALITY) for image in moving_frames(size, COUNT)]
    return Pictures(size, made, [True] * len(made))


def video_packets(size: tuple[int, int], fps: float) -> Pictures:
    """Render a group of pictures of the simulated mine as H.264 of one second."""
    frames = moving_frames(size, COUNT)
    encoder = H264Encoder(*size, EncoderOptions(fps=max(fps, 1.0)))
    order = ping_pong_order(COUNT)
    packets, start_ns = [], time.time_ns()
    for number in range(max(2, round(fps))):
        at_ns = start_ns + round(number * 1e9 / fps)
        packets.append(encoder.encode(frames[order[number % len(order)]], at_ns, key=number == 0))
    return Pictures(size, [data for data, _ in packets], [key for _, key in packets])
