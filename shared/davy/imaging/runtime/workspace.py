"""The buffers for pictures of one size, and what is computed in them."""

import ctypes
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from davy.imaging.runtime.bands import Bands
from davy.imaging.runtime.kernels import (
    CELLS,
    FINE,
    LANES,
    MAPS,
    MARGIN,
    PLANES,
    SUMS,
    TILE,
    Blocks,
    Floats,
    Grid,
    Maps,
    Picture,
    Rendering,
    Settled,
    address,
    block_size,
    kernel,
)
from davy.imaging.runtime.parameters import Parameters

COARSE = 8  # parts per side of the scene's coarse picture


class Workspace:
    """Buffers for pictures of one size, so that a frame allocates nothing; used by one caller at a time.

    Args:
        threads: That work on one picture, the caller's among them.
        keeps: Whether maps stay for the next picture, see Settler.next; else there is one row of them at a time.
    """

    def __init__(self, height: int, width: int, threads: int = 1, keeps: bool = False) -> None:
        self.height, self.width = height, width
        self.block = block = block_size(height, width)
        self.h, self.w = -(-height // block), -(-width // block)
        self._pitch = pitch = MARGIN + -(-self.w // LANES) * LANES + MARGIN
        self._buffers: list[NDArray[np.generic]] = []
        stats = np.zeros((self.h, PLANES, pitch), np.float32)
        self.stats: Floats = stats[:, :, MARGIN : MARGIN + self.w].transpose(1, 0, 2)
        self._coarse: Floats = np.empty((COARSE, COARSE), np.float32)
        self._edges: NDArray[np.int32] = np.empty(0, np.int32)
        self._sums: Floats = np.zeros((SUMS, pitch), np.float32)
        self._taps: dict[int, tuple[int, int, bool]] = {}  # by columns of a map
        self._used: Parameters | None = None
        self._tinted: Parameters | None = None
        self._bands = Bands(-(-self.h // 2), threads)  # of rows twice as high as a block, as those are which settle
        at = self._keep(stats)
        self._blocks = [self._measuring(at, sums) for sums in (self._sums, *self._rooms(SUMS, len(self._bands) - 1))]
        self._renderings = list(self._rendering(at, self.h + 1 if keeps else 1))

    def _rooms(self, rows: int, count: int) -> Iterator[Floats]:
        return (np.zeros((rows, self._pitch), np.float32) for _ in range(count))

    def _measuring(self, stats: int, sums: Floats) -> Blocks:
        """One band's: sums, and what settles by."""
        padded = -(-self.width // (2 * LANES)) * 2 * LANES
        words = np.zeros(2 * padded, np.int16)
        rooms = np.zeros((SUMS, padded), np.int32), sums, np.zeros(padded, np.int32), words, np.zeros(self.w, np.float32)
        return Blocks(stats, self._pitch, self.block, self.h, self.w, *(self._keep(room) for room in rooms))

    def _rendering(self, stats: int, kept: int) -> Iterator[Rendering]:
        """One for each band."""
        width, block, pitch = self.width, self.block, self._pitch
        padded = -(-width // LANES) * LANES
        left, share = _taps(np.minimum(np.arange(padded), width - 1), self.w * block, self.w)
        first = left[::8].copy()
        low = 2 * (left.reshape(-1, LANES if block > 2 else 8) - first[:: 2 if block > 2 else 1, None])
        pick, weight = (low + 256 * (low + 1)).astype(np.int16), np.minimum(share * 32768 + 0.5, 32767).astype(np.int16)
        places = [self._keep(array) for array in (first, pick, weight)]
        tiles, strip_pitch = -(-width // TILE), -(-(TILE // block + 10) // LANES) * LANES
        for _ in range(len(self._bands)):
            counts = 2 * CELLS, 2 * FINE, 3 * 6, PLANES + 1
            wide, detail, *rooms = (self._keep(np.zeros((count, pitch), np.float32)) for count in counts)
            maps = Maps(stats, pitch, self.h, self.w, Grid(wide=wide), Grid(wide=detail), 0, 0, 0, 1, *rooms)
            rows, chroma = np.zeros((2, MAPS + 2, pitch), np.float32), np.zeros(padded, np.int16)
            strips, shifts = np.zeros((kept, tiles, 2 * MAPS, strip_pitch), np.int16), np.zeros((kept, tiles, 2), np.int32)
            room = tuple(self._keep(array) for array in (rows, strips, shifts, chroma))
            yield Rendering(maps, *places, *room, None, block, strip_pitch, kept)

    def _keep(self, array: NDArray[np.generic]) -> int:
        self._buffers.append(array)
        return array.ctypes.data

    def measure(self, picture: Picture, settled: Settled | None = None) -> None:
        """Fill stats from the picture, or from what it settles to: (6, h, w), means of red, green, blue, luma times each."""
        measure, motion, at = kernel("measure", "measure"), kernel("measure", "motion"), (_at(picture), _at(settled))
        for border in self._bands.borders if settled else ():
            motion(*at, _at(self._blocks[0]), border - 1)
            motion(*at, _at(self._blocks[0]), border)
        self._bands.run(lambda band, begin, end: measure(*at, _at(self._blocks[band]), begin, end))

    @property
    def follows(self) -> bool:
        """Whether one thread works alone: bands meet between the two traversals."""
        return len(self._bands) == 1

    def follow(self, picture: Picture, settled: Settled, parameters: Parameters, out: Picture) -> None:
        """Measure and render a picture that settles in one traversal, by parameters that are known before."""
        self._use(parameters)
        measuring = _at(picture), _at(settled), _at(self._blocks[0])
        kernel("measure", "follow")(*measuring, address("render", "render"), _at(out), _at(self._renderings[0]))

    def coarse(self) -> Floats:
        """Mean luma of 8 by 8 parts of the picture."""
        kernel("measure", "coarse")(_at(self._blocks[0]), self._coarse.ctypes.data)
        return self._coarse.copy()

    def thumbnail(self, out: Floats) -> None:
        """Area means and deviation to out (4, rows, columns): red, green, blue, deviation of luma."""
        size = self._pitch, self.h, self.w, out.ctypes.data, out.shape[1], out.shape[2]
        if self._edges.size != 2 * out.shape[2]:
            self._edges = np.empty(2 * out.shape[2], np.int32)
        kernel("thumbnail", "thumbnail")(self._blocks[0].stats, *size, self._sums.ctypes.data, self._edges.ctypes.data)

    def render(self, picture: Picture, parameters: Parameters, out: Picture, settled: Settled | None = None) -> None:
        """The fused pass over the picture that was measured, or over what it settled to."""
        render, at = kernel("render", "render"), (_at(picture), _at(settled), _at(out))
        self._use(parameters)
        high = 2 * self.block
        self._bands.run(
            lambda band, begin, end: render(*at, _at(self._renderings[band]), begin * high, min(end * high, self.height))
        )

    def _use(self, parameters: Parameters) -> None:
        if parameters is self._used:
            return
        self._used, self._tinted = parameters, parameters.tinted()  # and so their arrays live
        tinted = self._tinted
        for rendering in self._renderings:
            maps = rendering.maps
            for grid, planes in ((maps.coarse, tinted.cells), (maps.fine, tinted.fine)):
                self._place(grid, planes)
            maps.row_noise, maps.chroma_noise, evidence, neutral, maps.colour = map(float, tinted.scalars)
            maps.colourless = (1 - evidence) * neutral
            rendering.knots = tinted.knots.ctypes.data

    def _place(self, grid: Grid, planes: Floats) -> None:
        """Point a grid at planes (channels, rows, columns) of any resolution."""
        _, rows, columns = planes.shape
        grid.cells = planes.ctypes.data
        if (grid.rows, grid.columns) != (rows, columns):
            if columns not in self._taps:
                self._taps[columns] = self._taps_of(columns)
            grid.column, grid.weight, grid.near = self._taps[columns]
            grid.rows, grid.columns = rows, columns

    def _taps_of(self, columns: int) -> tuple[int, int, bool]:
        """The cell to the left of each block, the right one's weight, and whether eight blocks lie between eight cells."""
        left, weight = _taps(np.minimum(np.arange(self._pitch - 2 * MARGIN), self.w - 1), self.w, columns)
        spans = left[7::8] - left[::8]
        return self._keep(left), self._keep(weight), columns >= 8 and int(spans.max()) < 7


def _at(structure: ctypes.Structure | None) -> int | None:
    return None if structure is None else ctypes.addressof(structure)


def _taps(at: NDArray[np.int64], count: int, cells: int) -> tuple[NDArray[np.int32], Floats]:
    """Bilinear between cell centres, clamped at the border: the left cell, the last but one at most; the right one's weight."""
    position = np.clip((at + 0.5) * cells / count - 0.5, 0, cells - 1)
    left = np.minimum(position.astype(np.int32), max(cells - 2, 0))
    return left, (position - left).astype(np.float32)
