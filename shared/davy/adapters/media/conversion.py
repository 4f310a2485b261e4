"""Between decoded pictures and BGR, through FFmpeg's filters.

Every conversion rounds exactly: without `accurate_rnd` each one darkens a picture by about one level. Interlaced pictures are
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
RGB, BT709, UNSPECIFIED = 0, 1, 2  # AVCOL_SPC; primaries and transfers count BT.709 and unspecified the same
FULL_RANGE = 2  # AVCOL_RANGE
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
_FLAGS = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"

Chain = list[tuple[str, str | Mapping[str, str]]]
"""Filters with their arguments, in order."""


def matrix_of(colorspace: int) -> int:
    """The YUV matrix of an output: that of the source; BT.709 for RGB, which has none."""
    return BT709 if colorspace == RGB else colorspace


def matrix_name(colorspace: int) -> str:
    """A matrix as the filter `scale` calls it; BT.601 where the file says nothing."""
    return _MATRICES.get(colorspace, "bt601")


def peak_nits(frame: av.VideoFrame) -> float:
    """The brightest light of the display on which an HDR picture was mastered, in cd/m2; PEAK_NITS where nothing is said.

    Source: AVMasteringDisplayMetadata of FFmpeg: ten rationals, the last one is max_luminance, then two flags.
    """
    data = side_data(frame, "MASTERING_DISPLAY_METADATA")
    if len(data) < 88:
        return PEAK_NITS
    number, unit, _, known = struct.unpack_from("4i", data, 72)
    return number / unit if known and unit > 0 and 100 <= number / unit <= 10_000 else PEAK_NITS


class PixelReader:
    """Turns the decoded pictures of one stream into BGR of one size; their kind may change in the middle.

    Args:
        width, height: Of every picture that comes out, as stored: a rotation is not applied.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._graph: Graph | None = None
        self._kind: tuple[object, ...] = ()
        self.deinterlaced = self.tone_mapped = False

    def read(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Yield the pictures that are ready, as bgr24; a deinterlaced one comes a picture late."""
        self.deinterlaced = self.deinterlaced or frame.interlaced_frame
        self.tone_mapped = self.tone_mapped or frame.color_trc in HDR_TRANSFERS
        kind = (frame.format.name, frame.width, frame.height, frame.colorspace, frame.color_range, frame.color_trc)
        if self._graph is None or self._kind != (*kind, self.deinterlaced):
            yield from self.flush()
            self._graph, self._kind = self._build(frame), (*kind, self.deinterlaced)
        self._graph.push(frame)
        yield from _ready(self._graph)

    def flush(self) -> Iterator[av.VideoFrame]:
        """Yield what is still held."""
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
    """Turns BGR into the planes of an encoder.

    Args:
        width, height: Of every picture.
        pix_fmt: FFmpeg's name of the encoder's pixel format.
        colorspace: AVCOL_SPC of the output.
    """

    def __init__(self, width: int, height: int, pix_fmt: str, colorspace: int) -> None:
        source = f"video_size={width}x{height}:pix_fmt=bgr24:time_base=1/1000:colorspace=0:range=2"
        span = "pc" if pix_fmt.startswith("yuvj") else "tv"
        scale = f"flags={_FLAGS}:out_color_matrix={matrix_name(colorspace)}:out_range={span}"
        self._graph = _linked([("buffer", source), ("scale", scale), ("format", f"pix_fmts={pix_fmt}")])

    def convert(self, image: BgrImage) -> av.VideoFrame:
        """One picture, (H, W, 3) uint8, as a frame without a time stamp."""
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
