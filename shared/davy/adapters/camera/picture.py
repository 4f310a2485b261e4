"""Pixels of FFmpeg frames and of picture files."""

from pathlib import Path

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import Colorspace, VideoReformatter

from davy.adapters.media import jpeg, planes
from davy.adapters.media.orientation import orientation_of, swaps_sides, upright
from davy.domain.errors import UnsupportedImageError
from davy.domain.frame import Pixels, Plane, YuvImage

_FULL, _BT709 = 2, 1  # AVCOL_RANGE_JPEG, AVCOL_SPC_BT709
_HDR = {16: "PQ", 18: "HLG"}  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67: washed out in 8 bits
_OTHER_MATRICES = (4, 7, 8, 9, 10)  # FCC, SMPTE 240M, YCgCo, BT.2020


class PlaneConverter:
    """Convert FFmpeg frames and pictures to JPEG's planes of one size, with a persistent scaler.

    Planes of the right kind (MJPEG, full-range H.264) are not copied. A pass in C converts limited range and BT.709; FFmpeg's
    scaler converts other formats and sizes.
    """

    def __init__(self, size: tuple[int, int] | None) -> None:
        self._size = size
        self._reformatter = VideoReformatter()
        self._orientations: dict[tuple[int, int, int], int] = {}

    def __call__(self, frame: VideoFrame) -> YuvImage:
        """Convert a frame to upright planes.

        Raises:
            UnsupportedImageError: the frame is HDR.
        """
        if frame.color_trc in _HDR:
            raise UnsupportedImageError(
                f"an HDR picture ({_HDR[frame.color_trc]})", "SDR: change the setting of the camera or recorder"
            )
        orientation = self._orientation(frame)
        if frame.interlaced_frame:
            frame = _deinterlaced(frame)
        if orientation == 1:
            return self._convert(frame, self._size)
        size = self._size[::-1] if self._size and swaps_sides(orientation) else self._size
        return upright_planes(self._convert(frame, size), orientation)

    def _orientation(self, frame: VideoFrame) -> int:
        """The orientation of a source's frames, looked up when rotation or size change.

        PyAV ties a frame whose side data are read into a cycle of references: it then waits for the garbage collector, and
        pictures of 3 MB wait by the hundred.
        """
        kind = (round(frame.rotation), frame.width, frame.height)
        if kind not in self._orientations:
            self._orientations = {kind: orientation_of(frame)}
        return self._orientations[kind]

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
        """Resize a picture of a file to the configured size; return it unchanged if it has that size."""
        size = pixels.size if isinstance(pixels, YuvImage) else pixels.shape[1::-1]
        if self._size in (None, size):
            return pixels
        return self(VideoFrame.from_ndarray(planes.bgr_of(pixels), "bgr24"))


def upright_planes(image: YuvImage, orientation: int) -> YuvImage:
    """Rotate planes upright from an EXIF orientation, 1 to 8; return the image itself for 1."""
    if orientation == 1:
        return image
    y, u, v = (upright(plane, orientation) for plane in (image.y, image.u, image.v))
    return YuvImage(y, u, v, image.full_range)


def _deinterlaced(frame: VideoFrame) -> VideoFrame:
    """Interpolate the lines of the second field from the first one, within this picture.

    Neighbouring frames would add delay, and may have been dropped. 3 ms at 720x576 (measured).
    """
    graph = Graph()
    colours = f"colorspace={int(frame.colorspace)}:range={int(frame.color_range)}"
    shape = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/90000:{colours}"
    source, sink = graph.add("buffer", shape), graph.add("buffersink")
    field = graph.add("yadif", "mode=send_frame:deint=interlaced")
    source.link_to(field)
    field.link_to(sink)
    graph.configure()
    graph.push(frame)
    graph.push(None)
    result = graph.pull()
    assert isinstance(result, VideoFrame)
    return result


def _is_planar(frame: VideoFrame) -> bool:
    """Whether the planes of the decoder are usable without a copy; some decoders write pictures upside down."""
    planar = frame.format.name in ("yuv420p", "yuvj420p") and frame.colorspace not in _OTHER_MATRICES
    return planar and all(plane.line_size > 0 for plane in frame.planes)


def _weights(frame: VideoFrame) -> tuple[float, float]:
    return planes.BT709 if frame.colorspace == _BT709 else planes.BT601


def _planes(frame: VideoFrame, full_range: bool, weights: tuple[float, float]) -> YuvImage:
    """The planes of a 4:2:0 frame, in full range of BT.601; they keep the frame alive."""
    height, width = frame.height, frame.width
    chroma = -(-height // 2), -(-width // 2)
    y, u, v = (_plane(plane, *side) for plane, side in zip(frame.planes, ((height, width), chroma, chroma), strict=True))
    return planes.to_full(YuvImage(y, u, v, full_range), weights)


def _plane(plane: VideoPlane, height: int, width: int) -> Plane:
    rows: Plane = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]  # a buffer
    return rows[:height, :width]


def read_picture(path: Path) -> Pixels:
    """Read a picture file of a format in `davy.adapters.media.images`, upright: JPEG of 4:2:0 to planes, others to BGR.

    The content determines the format, not the name. 16 bits become 8; transparent pixels become white.

    Raises:
        UnreadableImageError: the file is truncated, damaged or not a picture.
        ImageTooLargeError: the picture has over 64 megapixels; it is not decoded.
        OSError: the file cannot be read.
    """
    return decode_picture(path.read_bytes())


def decode_picture(data: bytes) -> Pixels:
    """Decode the bytes of a picture file, like `read_picture`."""
    from davy.adapters.media import images  # Pillow is loaded only for cameras of pictures

    if images.sniff(data) is images.ImageFormat.JPEG and jpeg.is_planar(data):
        return upright_planes(jpeg.decode_yuv(data), images.orientation_of_jpeg(data))
    return images.over_white(images.decode(data, tuple(images.ImageFormat), jpeg.MAX_PIXELS))
