"""Enhance one recorded segment. The result depends on its task alone, wherever and whenever it is computed."""

import hashlib
import io
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from davy.adapters.media.h264 import EncoderOptions, H264Encoder, Preset
from davy.adapters.recording.reader import pictures
from davy.adapters.recording.writer import SegmentWriter, first_packet
from davy.domain.errors import DavyError, UnreadableVideoError
from davy.domain.frame import YuvImage
from davy.domain.recording import Segment
from davy.domain.video import VideoPacket
from davy.imaging.runtime import StillEnhancer, VideoEnhancer

LEAD_IN_S = 2.0  # of the segment before: noise floor and parameters have then settled
MAX_KBPS = 20_000  # the quality decides; this bounds a picture of noise
PRESET: Preset = "veryfast"  # an archive is written once and kept


@dataclass(frozen=True, slots=True)
class EnhancementSettings:
    """How segments are enhanced.

    Args:
        model: The network in ONNX.
        strength: 0 is the identity, 1 the full effect.
        quality: Constant rate factor of H.264, 0 (lossless) to 51.
    """

    model: bytes = field(repr=False)
    strength: float
    quality: int

    @property
    def model_sha256(self) -> str:
        """SHA-256 of the model, in hex."""
        return hashlib.sha256(self.model).hexdigest()


@dataclass(frozen=True, slots=True)
class SegmentTask:
    """A segment to be enhanced.

    Args:
        segment: The segment.
        data: Its file.
        before: The segment that ends where this one begins, with its file; None if there is none.
        settings: How.
    """

    segment: Segment
    data: bytes = field(repr=False)
    before: tuple[Segment, bytes] | None = field(repr=False)
    settings: EnhancementSettings


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """An enhanced segment.

    Args:
        source: The segment that it was made of, with what its file says.
        data: An MP4 that plays by itself; empty after a failure.
        error: Why there is none.
    """

    source: Segment
    data: bytes = field(repr=False)
    error: str = ""


def enhance_segment(task: SegmentTask) -> SegmentResult:
    """Enhance a segment. A damaged one is a result with an error."""
    try:
        source = _described(task.segment, task.data)
        return SegmentResult(source, _enhanced(task))
    except DavyError as error:
        return SegmentResult(task.segment, b"", str(error))


def _described(segment: Segment, data: bytes) -> Segment:
    told = first_packet(io.BytesIO(data))
    return replace(segment, bytes=len(data), model=told.model, strength=told.strength)


def _enhanced(task: SegmentTask) -> bytes:
    segment, settings = task.segment, task.settings
    enhancer = VideoEnhancer(_still(settings.model))
    if task.before is not None:
        for planes, _ in pictures(task.before, segment.start_ns - int(LEAD_IN_S * 1e9)):
            enhancer.enhance_yuv(planes, settings.strength)
    with tempfile.TemporaryDirectory(prefix="davy-enhance-") as folder:
        made = _write(Path(folder), _packets(task, enhancer))
        return (Path(folder) / made.path).read_bytes()


@lru_cache(maxsize=2)
def _still(model: bytes) -> StillEnhancer:
    return StillEnhancer(model)


def _packets(task: SegmentTask, enhancer: VideoEnhancer) -> Iterable[VideoPacket]:
    segment, settings = task.segment, task.settings
    encoder: H264Encoder | None = None
    for number, (planes, captured_ns) in enumerate(pictures((segment, task.data))):
        enhanced = enhancer.enhance_yuv(planes, settings.strength)
        encoder = encoder or _encoder(segment, enhanced, settings.quality)
        data, key = encoder.encode(enhanced, captured_ns)
        yield VideoPacket(
            segment.camera,
            "enhanced",
            segment.boot_id,
            segment.first_seq + number,
            captured_ns,
            key,
            encoder.coded_width,
            encoder.coded_height,
            data,
            enhancer.model,
            settings.strength,
        )


def _encoder(segment: Segment, picture: YuvImage, quality: int) -> H264Encoder:
    count, duration_s = segment.last_seq - segment.first_seq + 1, (segment.end_ns - segment.start_ns) / 1e9
    options = EncoderOptions(kbps=MAX_KBPS, quality=quality, preset=PRESET, fps=max(0.1, count / duration_s), profile="high")
    return H264Encoder(*picture.size, options, picture.full_range)


def _write(folder: Path, packets: Iterable[VideoPacket]) -> Segment:
    writer: SegmentWriter | None = None
    for packet in packets:
        if writer is None:
            writer = SegmentWriter(folder, packet)
        else:
            writer.write(packet)
    if writer is None:
        raise UnreadableVideoError("the segment", "no picture can be decoded")
    return writer.close()
