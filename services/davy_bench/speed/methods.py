"""The timed methods of one picture size: Davy's paths and other methods."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import TypeVar

import numpy as np

from davy.adapters.media import jpeg, planes
from davy.domain.frame import BgrImage, YuvImage
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy_bench.methods import peers
from davy_bench.speed.frames import ping_pong_order
from davy_bench.speed.timing import TimedMethod

COPY, LUT, CLAHE = "copy", "cv2.LUT", "CLAHE on LAB"
STILL, VIDEO, JPEG, CODEC = "Davy still", "Davy video", "Davy JPEG to JPEG", "JPEG to JPEG alone"
ZERO_DCE_ORT, ZERO_DCE_OV = "Zero-DCE++, ONNX Runtime", "Zero-DCE++, OpenVINO"
VIDEO_YUV = "Davy video, YUV 4:2:0"
DAVY_PATHS = (STILL, VIDEO, VIDEO_YUV, JPEG)
LEARNED = (ZERO_DCE_ORT, ZERO_DCE_OV)
NETWORK_INTERVAL = 10  # frames per inference of the network
Item = TypeVar("Item")
JPEG_QUALITY = 85  # default of an edge


def timed_methods(frames: Sequence[BgrImage], stills: Mapping[int, StillEnhancer]) -> list[TimedMethod]:
    """All methods on the same frames, once per number of threads; stills holds an enhancer per number of threads.

    Davy's video paths and both JPEG paths run NETWORK_INTERVAL frames per call; the network runs on one of them.
    """
    shape = frames[0].shape[0], frames[0].shape[1]
    files = [jpeg.encode(frame, JPEG_QUALITY) for frame in frames]
    decoded = [planes.from_bgr(frame) for frame in frames]
    methods = []
    for threads, still in stills.items():
        single: dict[str, peers.Peer] = {
            COPY: peers.copy(shape),
            LUT: peers.lookup_table(shape),
            CLAHE: peers.clahe_lab(shape),
            STILL: into_buffer(still, frames[0]),
            ZERO_DCE_ORT: peers.zero_dce_onnxruntime(shape, threads),
        }
        if peers.has_openvino():
            single[ZERO_DCE_OV] = peers.zero_dce_openvino(shape, threads)
        methods += [TimedMethod(name, threads, _next_of(frames, run)) for name, run in single.items()]
        video = into_buffer(VideoEnhancer(still, NETWORK_INTERVAL), frames[0])
        camera = into_planes(VideoEnhancer(still, NETWORK_INTERVAL), shape)
        methods += [
            TimedMethod(VIDEO, threads, _next_of(frames, video, NETWORK_INTERVAL), NETWORK_INTERVAL),
            TimedMethod(
                VIDEO_YUV,
                threads,
                _next_of(decoded, into_planes(VideoEnhancer(still, NETWORK_INTERVAL), shape), NETWORK_INTERVAL),
                NETWORK_INTERVAL,
            ),
            TimedMethod(JPEG, threads, _next_of(files, transcode(camera), NETWORK_INTERVAL), NETWORK_INTERVAL),
            TimedMethod(CODEC, threads, _next_of(files, transcode(lambda image: image), NETWORK_INTERVAL), NETWORK_INTERVAL),
        ]
    return methods


def into_buffer(enhancer: StillEnhancer | VideoEnhancer, like: BgrImage) -> peers.Peer:
    """Run the enhancer with a reused output buffer, as an edge does."""
    out = np.empty_like(like)
    return lambda image: enhancer.enhance(image, out=out)


def into_planes(enhancer: StillEnhancer | VideoEnhancer, shape: tuple[int, int]) -> Callable[[YuvImage], YuvImage]:
    """Run the enhancer on YUV planes of (height, width), with a reused output buffer."""
    out = planes.empty(*shape)
    return lambda image: enhancer.enhance_yuv(image, out=out)


def transcode(enhance: Callable[[YuvImage], YuvImage]) -> Callable[[bytes], bytes]:
    """Decode a JPEG to planes, enhance them and encode them, as an edge does."""
    return lambda data: jpeg.encode(enhance(jpeg.decode_yuv(data)), JPEG_QUALITY)


def _next_of(items: Sequence[Item], run: Callable[[Item], object], times: int = 1) -> Callable[[], None]:
    """Process the next items in ping-pong order."""
    order = cycle(items[index] for index in ping_pong_order(len(items)))

    def step() -> None:
        for _ in range(times):
            run(next(order))

    return step
