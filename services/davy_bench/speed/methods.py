"""The contestants of one size: Davy's paths, and its peers."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import TypeVar

import numpy as np

from davy.adapters.media import jpeg, planes
from davy.domain.frame import BgrImage, YuvImage
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy_bench.methods import peers
from davy_bench.speed.frames import to_and_fro
from davy_bench.speed.timing import TimedMethod

COPY, LUT, CLAHE = "copy", "cv2.LUT", "CLAHE on LAB"
STILL, VIDEO, JPEG, CODEC = "Davy still", "Davy video", "Davy JPEG to JPEG", "JPEG to JPEG alone"
ZERO_DCE_ORT, ZERO_DCE_OV = "Zero-DCE++, ONNX Runtime", "Zero-DCE++, OpenVINO"
VIDEO_YUV = "Davy video, YUV 4:2:0"
OURS = (STILL, VIDEO, VIDEO_YUV, JPEG)
LEARNED = (ZERO_DCE_ORT, ZERO_DCE_OV)
EVERY = 10  # frames per look of the network
Item = TypeVar("Item")
QUALITY = 85  # of JPEG, as cameras are sent by default


def timed_methods(frames: Sequence[BgrImage], stills: Mapping[int, StillEnhancer]) -> list[TimedMethod]:
    """Everybody, once per number of threads, on the same frames; stills by threads.

    Davy's video paths and both JPEG paths run EVERY frames at a time, one of them with the network, as a camera does.
    """
    shape = frames[0].shape[0], frames[0].shape[1]
    files = [jpeg.encode(frame, QUALITY) for frame in frames]
    decoded = [planes.from_bgr(frame) for frame in frames]
    found = []
    for threads, still in stills.items():
        single: dict[str, peers.Peer] = {
            COPY: peers.copy(shape),
            LUT: peers.look_up(shape),
            CLAHE: peers.clahe_lab(shape),
            STILL: into_buffer(still, frames[0]),
            ZERO_DCE_ORT: peers.zero_dce_onnxruntime(shape, threads),
        }
        if peers.has_openvino():
            single[ZERO_DCE_OV] = peers.zero_dce_openvino(shape, threads)
        found += [TimedMethod(name, threads, _next_of(frames, run)) for name, run in single.items()]
        video = into_buffer(VideoEnhancer(still, EVERY), frames[0])
        camera = into_planes(VideoEnhancer(still, EVERY), shape)
        found += [
            TimedMethod(VIDEO, threads, _next_of(frames, video, EVERY), EVERY),
            TimedMethod(VIDEO_YUV, threads, _next_of(decoded, into_planes(VideoEnhancer(still, EVERY), shape), EVERY), EVERY),
            TimedMethod(JPEG, threads, _next_of(files, recode(camera), EVERY), EVERY),
            TimedMethod(CODEC, threads, _next_of(files, recode(lambda image: image), EVERY), EVERY),
        ]
    return found


def into_buffer(enhancer: StillEnhancer | VideoEnhancer, like: BgrImage) -> peers.Peer:
    """The enhancer, into a buffer that is used again, as an edge uses it."""
    out = np.empty_like(like)
    return lambda image: enhancer.enhance(image, out=out)


def into_planes(enhancer: StillEnhancer | VideoEnhancer, shape: tuple[int, int]) -> Callable[[YuvImage], YuvImage]:
    """The same with planes, of (height, width)."""
    out = planes.empty(*shape)
    return lambda image: enhancer.enhance_yuv(image, out=out)


def recode(change: Callable[[YuvImage], YuvImage]) -> Callable[[bytes], bytes]:
    """JPEG in, changed, JPEG out, from planes to planes, as an edge does it."""
    return lambda data: jpeg.encode(change(jpeg.decode_yuv(data)), QUALITY)


def _next_of(items: Sequence[Item], run: Callable[[Item], object], times: int = 1) -> Callable[[], None]:
    """Treat the next items, to and fro."""
    order = cycle(items[index] for index in to_and_fro(len(items)))

    def step() -> None:
        for _ in range(times):
            run(next(order))

    return step
