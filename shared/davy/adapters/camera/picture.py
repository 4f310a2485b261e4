"""Pixels out of FFmpeg's frames and out of picture files."""

from io import BytesIO
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import Colorspace, VideoReformatter

from davy.adapters.media import jpeg, planes
from davy.domain.errors import ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from davy.domain.frame import BgrImage, Pixels, Plane, YuvImage

PICTURE_CODECS = {".jpg": "", ".jpeg": "", ".png": "png", ".webp": "webp", ".bmp": "bmp", ".tif": "tiff", ".tiff": "tiff"}
"""FFmpeg's decoder by suffix; JPEG goes through libjpeg-turbo, which is strict."""

ORIENTATIONS = {
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}
"""What makes a picture upright, by its EXIF orientation: mirrored left to right, then quarter turns counterclockwise."""

_FULL, _BT709 = 2, 1  # AVCOL_RANGE_JPEG, AVCOL_SPC_BT709
_HDR = {16: "PQ", 18: "HLG"}  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67: in 8 bits they look washed out
_OTHER_MATRICES = (4, 7, 8, 9, 10)  # FCC, SMPTE 240M, YCgCo, BT.2020


class ToPlanes:
    """FFmpeg frames and pictures to planes of one size, as JPEG has them; keeps the scaler's tables between frames.

    Planes that are so already (MJPEG, full-range H.264) stay where the decoder put them; limited range or BT.709 is one pass
    in C; other formats and other sizes go through FFmpeg's scaler.
    """

    def __init__(self, size: tuple[int, int] | None) -> None:
        self._size = size
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> YuvImage:
        if frame.color_trc in _HDR:
            raise UnsupportedImageError(
                f"an HDR picture ({_HDR[frame.color_trc]})", "SDR: cameras and recorders have a setting"
            )
        turns = round(frame.rotation / 90) % 4 if frame.rotation else 0  # counterclockwise, of a display matrix or of EXIF
        if not turns:
            return self._convert(frame, self._size)
        size = self._size[::-1] if self._size and turns % 2 else self._size
        return turned(self._convert(frame, size), turns)

    def _convert(self, frame: VideoFrame, size: tuple[int, int] | None) -> YuvImage:
        if size in (None, (frame.width, frame.height)) and _is_planar(frame):
            full_range = frame.format.name == "yuvj420p" or frame.color_range == _FULL
            return _planes(frame, full_range, _weights(frame))
        width, height = size or (frame.width, frame.height)
        weights = _weights(frame)  # of BT.709: the scaler takes 6 ms for it at 1080p, the pass in C 2 ms
        matrix = Colorspace.ITU709 if weights == planes.BT709 else Colorspace.ITU601
        # AREA: 1.0 ms from 1080p to 720p, the cheapest of swscale's and without aliasing when shrinking (measured)
        scaled = self._reformatter.reformat(
            frame, width, height, "yuvj420p", dst_colorspace=matrix, interpolation="AREA", threads=1
        )
        return _planes(scaled, full_range=True, weights=weights)

    def resize(self, pixels: Pixels) -> Pixels:
        """A picture of a file in the size asked for; itself where it has that."""
        size = pixels.size if isinstance(pixels, YuvImage) else pixels.shape[1::-1]
        if self._size in (None, size):
            return pixels
        return self(VideoFrame.from_ndarray(planes.bgr_of(pixels), "bgr24"))


def turned(image: YuvImage, turns: int, mirrored: bool = False) -> YuvImage:
    """Planes mirrored left to right where that is asked for, then turned by quarters counterclockwise."""
    y, u, v = (
        np.ascontiguousarray(np.rot90(plane[:, ::-1] if mirrored else plane, turns)) for plane in (image.y, image.u, image.v)
    )
    return YuvImage(y, u, v, image.full_range)


def _is_planar(frame: VideoFrame) -> bool:
    """Whether the decoder's planes can be used where they are; some decoders write pictures upside down."""
    planar = frame.format.name in ("yuv420p", "yuvj420p") and frame.colorspace not in _OTHER_MATRICES
    return planar and all(plane.line_size > 0 for plane in frame.planes)


def _weights(frame: VideoFrame) -> tuple[float, float]:
    return planes.BT709 if frame.colorspace == _BT709 else planes.BT601


def _planes(frame: VideoFrame, full_range: bool, weights: tuple[float, float]) -> YuvImage:
    """The planes of a 4:2:0 frame, in full range of BT.601; the frame lives as long as they do."""
    height, width = frame.height, frame.width
    chroma = -(-height // 2), -(-width // 2)
    y, u, v = (_plane(plane, *side) for plane, side in zip(frame.planes, ((height, width), chroma, chroma), strict=True))
    return planes.to_full(YuvImage(y, u, v, full_range), weights)


def _plane(plane: VideoPlane, height: int, width: int) -> Plane:
    rows: Plane = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]  # it is a buffer
    return rows[:height, :width]


def read_picture(path: Path) -> Pixels:
    """Read a JPEG (to planes) or a PNG, WebP, BMP or TIFF file (to BGR); 16 bits become 8, transparency is ignored.

    Raises:
        UnreadableImageError: it is truncated, damaged or something else.
        ImageTooLargeError: it has over 64 megapixels; its pixels were not decoded.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    codec = PICTURE_CODECS[path.suffix.lower()]
    if not codec:
        return _upright(jpeg.decode_yuv(data), data)
    if not data:
        raise UnreadableImageError("it is empty")
    decoder: av.VideoCodecContext = av.CodecContext.create(codec, "r")  # type: ignore[assignment]  # the codec is a video one
    decoder.options = {"max_pixels": str(jpeg.MAX_PIXELS)}
    decoder.thread_count = 1
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except av.error.ArgumentError as error:  # what FFmpeg says of a header over max_pixels
        raise ImageTooLargeError("this picture", f"{jpeg.MAX_PIXELS:,} pixels") from error
    except av.error.FFmpegError as error:
        raise UnreadableImageError(error.strerror or "it is damaged") from error
    if not frames or frames[0].is_corrupt:
        raise UnreadableImageError("it is truncated or damaged")
    return _bgr(frames[0])


def _upright(image: YuvImage, data: bytes) -> YuvImage:
    """A JPEG as its EXIF orientation says; an EXIF block that is damaged says nothing."""
    from PIL import ExifTags, Image  # folder cameras alone need it; an edge starts without

    try:
        with Image.open(BytesIO(data)) as header:
            orientation = header.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001  # what Pillow raises for damaged EXIF is not told; the picture itself is whole
        return image
    mirrored, turns = ORIENTATIONS.get(orientation, (False, 0))
    return turned(image, turns, mirrored) if mirrored or turns else image


def _bgr(frame: VideoFrame) -> BgrImage:
    pixels: BgrImage = frame.to_ndarray(format="bgr24")  # type: ignore[assignment]  # bgr24 is uint8
    return pixels
