"""Bits and quality of H.264 of enhanced pictures of the simulated mine."""

import time
from dataclasses import dataclass

import numpy as np

from davy.adapters.media import jpeg, planes
from davy.adapters.media.h264 import EncoderOptions, H264Decoder, H264Encoder
from davy.domain.frame import Plane, YuvImage
from davy.imaging.iqa import psnr_db
from davy.imaging.iqa.seeds import check_evaluation_seeds
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy_bench.datasets.simulated import EPOCH_NS, FIRST_S
from davy_bench.quality.scores import ProgressCallback
from davy_simulator.world import Mine

FRAMES = 30
QUALITY = 85  # of JPEG, as cameras have it by default


@dataclass(frozen=True, slots=True)
class CodedQuality:
    """One place.

    Attributes:
        mbit_s: Bit rate of the video.
        psnr_db: Mean PSNR of luma against the enhanced picture.
        worst_db: PSNR of the worst picture.
        jpegs: CPU time of encoding over that of one JPEG of the same picture.
        jpeg_mbit_s: Bit rate of the same pictures in JPEG.
    """

    mbit_s: float
    psnr_db: float
    worst_db: float
    jpegs: float
    jpeg_mbit_s: float


def measure_quality(seed: int, size: tuple[int, int], fps: float, progress: ProgressCallback) -> dict[str, CodedQuality]:
    """Encode a few seconds of every place by the default settings.

    Raises:
        ConfigError: the seed may be a training seed.
    """
    (checked,) = check_evaluation_seeds([seed])
    mine, still, found = Mine(checked, EPOCH_NS), StillEnhancer(), {}
    for number, place in enumerate(mine.places):
        found[place] = _measure(_enhanced(mine, still, place, size, fps), fps)
        progress(number + 1, len(mine.places))
    return found


def _enhanced(mine: Mine, still: StillEnhancer, place: str, size: tuple[int, int], fps: float) -> list[YuvImage]:
    enhancer, found = VideoEnhancer(still), []
    for index in range(FRAMES):
        source, target = planes.from_bgr(mine.render(place, FIRST_S + index / fps, size)), planes.empty(size[1], size[0])
        enhancer.enhance_yuv(source, 1.0, target)
        found.append(target)
    return found


def _measure(pictures: list[YuvImage], fps: float) -> CodedQuality:
    encoder = H264Encoder(*pictures[0].size, EncoderOptions(fps=fps))
    packets: list[bytes] = []
    coded_s, jpeg_s, jpeg_bytes = 0.0, 0.0, 0
    for number, picture in enumerate(pictures):
        began_s = time.thread_time()
        packets.append(encoder.encode(picture, EPOCH_NS + round(number * 1e9 / fps))[0])
        middle_s = time.thread_time()
        jpeg_bytes += len(jpeg.encode(picture, QUALITY))
        coded_s, jpeg_s = coded_s + middle_s - began_s, jpeg_s + time.thread_time() - middle_s
    scores: list[float] = [
        psnr_db(_like(coded.y, picture.y), picture.y) for coded, picture in zip(_decoded(packets), pictures, strict=True)
    ]
    rate: float = fps / len(pictures) * 8 / 1e6
    bits = sum(map(len, packets)) * rate
    return CodedQuality(bits, float(np.mean(scores)), min(scores), coded_s / jpeg_s, jpeg_bytes * rate)


def _decoded(packets: list[bytes]) -> list[YuvImage]:
    decoder = H264Decoder()
    return [picture for data in packets for picture in decoder.decode(data)] + decoder.flush()


def _like(coded: Plane, true: Plane) -> Plane:
    """Without the row or column that pads an odd side."""
    return np.ascontiguousarray(coded[: true.shape[0], : true.shape[1]])
