"""H.264 of live pictures by FFmpeg's codecs: one packet out for each picture in, no B-frames, no delay."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np
from av.video.frame import PictureType

from davy.adapters.media import planes
from davy.domain.errors import EncoderError, UnreadableVideoError
from davy.domain.frame import Pixels, Plane, YuvImage

TIME_BASE = Fraction(1, 90_000)  # of RTP; exact enough for one camera
BT709, BT601 = 1, 6  # primaries and transfer of sRGB-like pictures; matrix of JPEG planes (ITU-T H.273)
FULL_RANGE, VIDEO_RANGE = 2, 1

Encoder = Literal["libx264", "h264_nvenc", "h264_qsv", "h264_v4l2m2m"]
Profile = Literal["baseline", "main", "high"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster"]

_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"tune": "zerolatency", "forced-idr": "1"},
    "h264_nvenc": {"preset": "p2", "tune": "ull", "zerolatency": "1", "delay": "0", "forced-idr": "1", "rc": "vbr"},
    "h264_qsv": {"preset": "veryfast", "async_depth": "1", "forced_idr": "1"},
    "h264_v4l2m2m": {},
}
_PACKED_CHROMA = frozenset({"h264_qsv"})  # takes NV12: U and V in turn


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """How to encode one camera.

    Args:
        encoder: FFmpeg's name; libx264 works everywhere, the others need their hardware.
        kbps: Maximum bit rate in 1000 bit/s, over one second.
        quality: Constant rate factor of libx264, 0 (lossless) to 51; calm pictures stay below the maximum bit rate.
        preset: Of libx264: how hard it tries. Enhanced pictures of the mine at 720p and quality 26: ultrafast takes as long as
            two JPEG for 1.8 Mbit/s and 42.5 dB; superfast as long as 3.8 for 1.6 Mbit/s and 43.1 dB (measured).
        gop_s: Time between key frames, in s.
        fps: Pictures per second, for the rate control; pictures may come at any time.
        profile: Of H.264.
    """

    encoder: Encoder = "libx264"
    kbps: int = 2500
    quality: int = 26
    preset: Preset = "ultrafast"
    gop_s: float = 2.0
    fps: float = 10.0
    profile: Profile = "main"


@dataclass(slots=True)
class H264Encoder:
    """Encodes pictures of one size. Used on one thread.

    Args:
        width: In pixels; an odd width is padded by a column.
        height: In pixels; an odd height is padded by a row.
        options: How to encode.
        full_range: Range of the pictures' luma and chroma.

    Raises:
        EncoderError: This FFmpeg or this machine has no such encoder.
    """

    width: int
    height: int
    options: EncoderOptions
    full_range: bool = True
    _context: av.VideoCodecContext = field(init=False, repr=False)
    _frame: av.VideoFrame = field(init=False, repr=False)
    _last_pts: int = field(default=-1, init=False)
    _key_pts: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._context = self._open()
        self._frame = av.VideoFrame(self.coded_width, self.coded_height, self._format)
        self._frame.color_range = FULL_RANGE if self.full_range else VIDEO_RANGE
        self._frame.time_base = TIME_BASE

    @property
    def coded_width(self) -> int:
        """Width of the video, even."""
        return self.width + self.width % 2

    @property
    def coded_height(self) -> int:
        """Height of the video, even."""
        return self.height + self.height % 2

    @property
    def _format(self) -> str:
        return "nv12" if self.options.encoder in _PACKED_CHROMA else "yuv420p"

    def canvas(self) -> YuvImage | None:
        """Return the planes that `encode` reads: whoever renders into them saves a copy. None if they are no planes."""
        if self._format != "yuv420p":
            return None
        y, u, v = self._planes()
        return YuvImage(y[: self.height, : self.width], u, v, self.full_range)

    def encode(self, pixels: Pixels, captured_ns: int, *, key: bool = False) -> tuple[bytes, bool]:
        """Encode a picture.

        Args:
            pixels: A picture of this size and range, possibly the canvas itself; BGR needs full range.
            captured_ns: Unix time of capture in ns; a picture that is not newer than the one before counts as just after it.
            key: Whether to make a key frame.

        Returns:
            (one access unit as an Annex B byte stream, whether it is a key frame)

        Raises:
            EncoderError: The encoder failed.
        """
        self._draw(planes.from_bgr(pixels) if isinstance(pixels, np.ndarray) else pixels)
        pts = max(self._last_pts + 1, captured_ns * 9 // 100_000)
        key = key or self._last_pts < 0 or pts - self._key_pts >= self.options.gop_s / TIME_BASE - 1
        self._frame.pts, self._last_pts = pts, pts
        self._frame.pict_type = PictureType.I if key else PictureType.NONE
        try:
            packets = self._context.encode(self._frame)
        except av.FFmpegError as error:
            raise EncoderError(self.options.encoder, str(error.strerror)) from error
        if not packets:
            raise EncoderError(self.options.encoder, "it holds pictures back: choose another encoder")
        is_key = packets[0].is_keyframe
        if is_key:
            self._key_pts = pts
        return b"".join(bytes(packet) for packet in packets), is_key

    def _draw(self, picture: YuvImage) -> None:
        """Copy a picture into the frame, unless it is there; pad odd sides by the last row and column."""
        height, width = picture.y.shape
        y, u, v = self._planes()
        if not np.shares_memory(picture.y, y):
            y[:height, :width], u[:], v[:] = picture.y, picture.u, picture.v
        if width < self.coded_width:
            y[:height, width] = y[:height, width - 1]
        if height < self.coded_height:
            y[height] = y[height - 1]

    def _planes(self) -> tuple[Plane, Plane, Plane]:
        """Views of the frame's memory."""
        width, height = self.coded_width, self.coded_height
        if self._format == "nv12":
            chroma = _rows(self._frame, 1, height // 2)[:, :width]
            return _rows(self._frame, 0, height)[:, :width], chroma[:, 0::2], chroma[:, 1::2]
        y, u, v = (_rows(self._frame, index, height // (1 if index == 0 else 2)) for index in range(3))
        return y[:, :width], u[:, : width // 2], v[:, : width // 2]

    def _open(self) -> av.VideoCodecContext:
        options = self.options
        try:
            context = av.VideoCodecContext.create(options.encoder, "w")
        except (ValueError, av.FFmpegError) as error:
            raise EncoderError(options.encoder, "this FFmpeg has none of that name: choose libx264") from error
        context.width, context.height, context.pix_fmt = self.coded_width, self.coded_height, self._format
        context.time_base, context.framerate = TIME_BASE, Fraction(options.fps).limit_denominator(1000)
        context.gop_size = max(1, round(options.gop_s * options.fps)) * 2  # key frames follow the clock; this is the bound
        context.max_b_frames, context.thread_count = 0, 1
        context.color_range = FULL_RANGE if self.full_range else VIDEO_RANGE
        context.colorspace, context.color_primaries, context.color_trc = BT601, BT709, BT709
        context.options = _OPTIONS[options.encoder] | _rate(options)
        try:
            context.open()
        except av.FFmpegError as error:
            raise EncoderError(
                options.encoder, f"{error.strerror}: this machine may lack its hardware; choose libx264"
            ) from error
        return context


class H264Decoder:
    """Decodes access units in order, a key frame first. Used on one thread."""

    def __init__(self) -> None:
        self._context = av.VideoCodecContext.create("h264", "r")

    def decode(self, data: bytes) -> list[YuvImage]:
        """Decode one access unit; return the pictures that are complete, which may lag by some.

        Raises:
            UnreadableVideoError: It cannot be decoded.
        """
        return self._pictures(av.Packet(data))

    def flush(self) -> list[YuvImage]:
        """Return the last pictures; then begin anew with a key frame."""
        found = self._pictures(None)
        self._context.flush_buffers()
        return found

    def _pictures(self, packet: "av.Packet[Any] | None") -> list[YuvImage]:
        try:
            return [_picture_of(frame) for frame in self._context.decode(packet)]
        except av.FFmpegError as error:
            raise UnreadableVideoError("H.264", str(error.strerror)) from error


def _picture_of(frame: av.VideoFrame) -> YuvImage:
    height, width = frame.height, frame.width
    y, u, v = (_rows(frame, index, height if index == 0 else -(-height // 2)).copy() for index in range(3))
    half = -(-width // 2)
    return YuvImage(y[:, :width], u[:, :half], v[:, :half], frame.color_range == FULL_RANGE)


def _rows(frame: av.VideoFrame, index: int, height: int) -> Plane:
    plane = frame.planes[index]
    memory: Plane = np.frombuffer(memoryview(plane), np.uint8)
    return memory[: plane.line_size * height].reshape(height, plane.line_size)


def _rate(options: EncoderOptions) -> dict[str, str]:
    rate = {"maxrate": f"{options.kbps}k", "bufsize": f"{options.kbps}k", "profile": options.profile}
    if options.encoder == "libx264":
        return rate | {
            "crf": str(options.quality),
            "preset": options.preset,
            "x264-params": "scenecut=0:repeat-headers=1:annexb=1",
        }
    return rate | {"b": f"{options.kbps}k"}
