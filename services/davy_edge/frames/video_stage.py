"""The encoders of one camera: enhanced and raw video, each while somebody wants it."""

import time
from collections.abc import Callable

from davy.adapters.media.h264 import EncoderOptions, H264Encoder
from davy.domain.camera import CameraAddress
from davy.domain.errors import EncoderError
from davy.domain.frame import Pixels, YuvImage
from davy.domain.video import Variant, VideoPacket
from davy.site import CameraConfig
from davy.streams.link import LEVELS, Level
from davy.telemetry import get_logger
from davy_edge.frames.captured_frame import CapturedFrame
from davy_edge.frames.video_feeds import VideoFeeds

log = get_logger(__name__)

LEAST_KBPS = 150  # on the slowest link
RETRY_S = 10.0  # after an encoder has failed


class VideoStage:
    """Encodes one camera's pictures in the camera's own thread.

    Args:
        feeds: Who wants packets.
        deliver: Takes each packet; called on the camera's thread.
        level: Returns how pictures are to be made for the link: a slow one gets fewer bits, and no raw video.
    """

    def __init__(
        self,
        camera: CameraAddress,
        boot_id: str,
        feeds: VideoFeeds,
        deliver: Callable[[VideoPacket], None],
        level: Callable[[], Level] = lambda: LEVELS[0],
    ) -> None:
        self._camera, self._boot_id, self._feeds, self._deliver, self._level = camera, boot_id, feeds, deliver, level
        self._encoders: dict[Variant, H264Encoder] = {}
        self._wanted: frozenset[Variant] = frozenset()
        self._failed_s: float | None = None

    def begin(self, config: CameraConfig) -> None:
        """Look what is wanted of the next picture; an encoder that nobody wants any more ends."""
        works = self._failed_s is None or time.monotonic() - self._failed_s >= RETRY_S
        self._wanted = self._feeds.wanted(self._camera.camera) if config.video is not None and works else frozenset()
        for variant in self._encoders.keys() - self._wanted:
            del self._encoders[variant]

    def canvas(self, source: Pixels, config: CameraConfig) -> YuvImage | None:
        """Return the planes into which the enhanced picture is to be rendered, which saves the encoder a copy; None for any."""
        if "enhanced" not in self._wanted or not isinstance(source, YuvImage):
            return None
        try:
            return self._encoder("enhanced", *source.size, full_range=True, config=config).canvas()
        except EncoderError as error:
            self._fail(error)
            return None

    def encode(self, captured: CapturedFrame, enhanced: Pixels, config: CameraConfig, model: str, enhanced_ns: int) -> None:
        """Encode what is wanted of a picture, and deliver it."""
        try:
            if "enhanced" in self._wanted:
                self._encode("enhanced", captured, enhanced, config, model, enhanced_ns)
            if "raw" in self._wanted and config.send_raw and self._level().raw:
                self._encode("raw", captured, captured.frame.pixels, config, "", 0)
        except EncoderError as error:
            self._fail(error)

    def _encode(
        self, variant: Variant, captured: CapturedFrame, pixels: Pixels, config: CameraConfig, model: str, enhanced_ns: int
    ) -> None:
        width, height = pixels.size if isinstance(pixels, YuvImage) else pixels.shape[1::-1]
        full_range = pixels.full_range if isinstance(pixels, YuvImage) else True  # BGR becomes planes in full range
        encoder = self._encoder(variant, width, height, full_range=full_range, config=config)
        asked = self._feeds.take_key_request(self._camera.camera, variant)
        data, key = encoder.encode(pixels, captured.frame.captured_ns, key=asked)
        self._deliver(
            VideoPacket(
                camera=self._camera,
                variant=variant,
                boot_id=self._boot_id,
                seq=self._feeds.number(self._camera.camera, variant),
                captured_ns=captured.frame.captured_ns,
                key=key,
                width=encoder.coded_width,
                height=encoder.coded_height,
                data=data,
                model=model,
                strength=config.strength if model else 0.0,
                enhanced_ns=enhanced_ns if model else 0,
                age=captured.age,
            )
        )

    def _encoder(self, variant: Variant, width: int, height: int, *, full_range: bool, config: CameraConfig) -> H264Encoder:
        assert config.video is not None
        video = config.video
        options = EncoderOptions(video.encoder, video.kbps, video.quality, video.preset, video.gop_s, config.fps, video.profile)
        present = self._encoders.get(variant)
        wanted = (width, height, options, full_range)
        if present is None or (present.width, present.height, present.options, present.full_range) != wanted:
            present = self._encoders[variant] = H264Encoder(width, height, options, full_range)
        return present

    def _fail(self, error: EncoderError) -> None:
        self._failed_s = time.monotonic()
        self._encoders.clear()
        log.warning("video.failed", camera=self._camera.camera, error=str(error), again_in_s=RETRY_S)
