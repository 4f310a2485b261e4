"""Conversion between decoded pictures and BGR by FFmpeg's filters.

Rounding is exact: without `accurate_rnd` each conversion darkens a picture by about one level. Interlaced pictures are
deinterlaced (bwdif). HDR pictures (PQ, HLG) are mapped to the range and the primaries of BT.709 (`tone_map`).
"""

import struct
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext

from davy.adapters.media.orientation import side_data
from davy.adapters.media.tone_map import HLG, PEAK_NITS, PQ, write_cube
from davy.domain.frame import BgrImage

HDR_TRANSFERS = (PQ, HLG)
RGB, BT709, UNSPECIFIED = 0, 1, 2  # AVCOL_SPC; BT.709 and unspecified have the same numbers as primaries and transfers
FULL_RANGE = 2  # AVCOL_RANGE
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
_FLAGS = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"

Chain = list[tuple[str, str | Mapping[str, str]]]
"""Filters with their arguments, in order."""


def matrix_of(colorspace: int) -> int:
    """The YUV matrix of an output: that of the source, or BT.709 for RGB."""
    return BT709 if colorspace == RGB else colorspace


def matrix_name(colorspace: int) -> str:
    """Name of a matrix in the filter `scale`; BT.601 if unspecified."""
    return _MATRICES.get(colorspace, "bt601")


def peak_nits(frame: av.VideoFrame) -> float:
    """Peak luminance of the mastering display of an HDR picture in cd/m2; PEAK_NITS if unspecified.

    Source: AVMasteringDisplayMetadata of FFmpeg: ten rationals, the last one is max_luminance, then two flags.
    """
    data = side_data(frame, "MASTERING_DISPLAY_METADATA")
    if len(data) < 88:
        return PEAK_NITS
    number, unit, _, known = struct.unpack_from("4i", data, 72)
    return number / unit if known and unit > 0 and 100 <= number / unit <= 10_000 else PEAK_NITS


class PixelReader:
    """Convert the decoded pictures of a stream to BGR of one size; their format may change.

    Args:
        width: Width of every output picture, before a rotation.
        height: Height of every output picture, before a rotation.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._graph: Graph | None = None
        self._format: tuple[object, ...] = ()
        self.deinterlaced = self.tone_mapped = False

    def read(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Yield the finished pictures as bgr24; a deinterlaced picture is delayed by one."""
        self.deinterlaced = self.deinterlaced or frame.interlaced_frame
        self.tone_mapped = self.tone_mapped or frame.color_trc in HDR_TRANSFERS
        frame_format = (frame.format.name, frame.width, frame.height, frame.colorspace, frame.color_range, frame.color_trc)
        if self._graph is None or self._format != (*frame_format, self.deinterlaced):
            yield from self.flush()
            self._graph, self._format = self._build(frame), (*frame_format, self.deinterlaced)
        self._graph.push(frame)
        yield from _ready(self._graph)

    def flush(self) -> Iterator[av.VideoFrame]:
        """Yield the remaining pictures."""
        if self._graph is not None:
            self._graph.push(None)
            yield from _ready(self._graph)
            self._graph = None

    def _build(self, frame: av.VideoFrame) -> Graph:
        colours = f"colorspace={int(frame.colorspace)}:range={int(frame.color_range)}"
        source = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base={frame.time_base}:{colours}"
        chain: Chain = [("buffer", source)]
        if self.deinterlaced:
            chain.append(("bwdif", "mode=send_frame:parity=auto:deint=interlaced"))
        hdr = frame.color_trc in HDR_TRANSFERS
        assumed = f":in_color_matrix={'bt2020' if hdr else 'bt601'}" if frame.colorspace == UNSPECIFIED else ""
        chain.append(("scale", f"{self._width}:{self._height}:flags={_FLAGS}{assumed}"))
        if not hdr:
            return _linked([*chain, ("format", "pix_fmts=bgr24")])
        with tempfile.TemporaryDirectory(prefix="davy-") as folder:
            cube = Path(folder) / "hdr.cube"
            write_cube(cube, int(frame.color_trc), peak_nits(frame))
            chain += [("format", "pix_fmts=gbrp16le"), ("lut3d", {"file": str(cube), "interp": "tetrahedral"})]
            return _linked([*chain, ("format", "pix_fmts=bgr24")])


class PixelWriter:
    """Convert BGR to the planes of an encoder.

    Args:
        width: Width of every picture.
        height: Height of every picture.
        pix_fmt: FFmpeg's name of the encoder's pixel format.
        colorspace: AVCOL_SPC of the output.
    """

    def __init__(self, width: int, height: int, pix_fmt: str, colorspace: int) -> None:
        source = f"video_size={width}x{height}:pix_fmt=bgr24:time_base=1/1000:colorspace=0:range=2"
        span = "pc" if pix_fmt.startswith("yuvj") else "tv"
        scale = f"flags={_FLAGS}:out_color_matrix={matrix_name(colorspace)}:out_range={span}"
        self._graph = _linked([("buffer", source), ("scale", scale), ("format", f"pix_fmts={pix_fmt}")])

    def convert(self, image: BgrImage) -> av.VideoFrame:
        """Convert a picture, (H, W, 3) uint8, to a frame without a time stamp."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        frame.colorspace, frame.color_range = RGB, FULL_RANGE
        self._graph.push(frame)
        [converted] = _ready(self._graph)
        return converted


def _linked(chain: Chain) -> Graph:
    graph = Graph()
    last: FilterContext | None = None
    for name, arguments in [*chain, ("buffersink", "")]:
        new = graph.add(name, arguments or None) if isinstance(arguments, str) else graph.add(name, **arguments)
        if last is not None:
            last.link_to(new)
        last = new
    graph.configure()
    return graph


def _ready(graph: Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        yield frame
