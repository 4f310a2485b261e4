"""Buffers for pictures of one size, and the kernels that fill them."""

import ctypes
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from davy.imaging.runtime.kernels import (
    FINE_CHANNELS,
    GRID_CHANNELS,
    LANES,
    MAPS,
    MARGIN,
    PLANES,
    SUMS,
    TILE,
    Blocks,
    DenoiserState,
    Floats,
    Grid,
    Maps,
    Picture,
    Rendering,
    address,
    block_size,
    kernel,
)
from davy.imaging.runtime.parameters import Parameters
from davy.imaging.runtime.row_tiles import RowTiles

COARSE = 8  # parts per side of the coarse luma picture


class Workspace:
    """Buffers for pictures of one size, so that a frame allocates nothing; used by one caller at a time.

    Args:
        threads: Number of threads on one picture, the caller's included.
        cache_maps: Keep the maps for the next picture, see TemporalDenoiser.state; otherwise one row of them exists at a time.
    """

    def __init__(self, height: int, width: int, threads: int = 1, cache_maps: bool = False) -> None:
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
        self._taps: dict[int, tuple[int, int, bool]] = {}  # keyed by columns of a map
        self._used: Parameters | None = None
        self._tinted: Parameters | None = None
        self._row_tiles = RowTiles(-(-self.h // 2), threads)  # in rows of denoiser blocks, twice as high as a block
        at = self._keep(stats)
        self._blocks = [self._measuring(at, sums) for sums in (self._sums, *self._new_buffers(SUMS, len(self._row_tiles) - 1))]
        self._renderings = list(self._rendering(at, self.h + 1 if cache_maps else 1))

    def _new_buffers(self, rows: int, count: int) -> Iterator[Floats]:
        return (np.zeros((rows, self._pitch), np.float32) for _ in range(count))

    def _measuring(self, stats: int, sums: Floats) -> Blocks:
        """Buffers of one row tile: sums, and working memory of the denoiser."""
        padded = -(-self.width // (2 * LANES)) * 2 * LANES
        words = np.zeros(2 * padded, np.int16)
        buffers = np.zeros((SUMS, padded), np.int32), sums, np.zeros(padded, np.int32), words, np.zeros(self.w, np.float32)
        return Blocks(stats, self._pitch, self.block, self.h, self.w, *(self._keep(buffer) for buffer in buffers))

    def _rendering(self, stats: int, cached_rows: int) -> Iterator[Rendering]:
        """Rendering buffers, one set per row tile."""
        width, block, pitch = self.width, self.block, self._pitch
        padded = -(-width // LANES) * LANES
        left, share = _taps(np.minimum(np.arange(padded), width - 1), self.w * block, self.w)
        first = left[::8].copy()
        low = 2 * (left.reshape(-1, LANES if block > 2 else 8) - first[:: 2 if block > 2 else 1, None])
        pick, weight = (low + 256 * (low + 1)).astype(np.int16), np.minimum(share * 32768 + 0.5, 32767).astype(np.int16)
        places = [self._keep(array) for array in (first, pick, weight)]
        tiles, map_tile_pitch = -(-width // TILE), -(-(TILE // block + 10) // LANES) * LANES
        for _ in range(len(self._row_tiles)):
            counts = 2 * GRID_CHANNELS, 2 * FINE_CHANNELS, 3 * 6, PLANES + 1
            upsampled, detail, *buffers = (self._keep(np.zeros((count, pitch), np.float32)) for count in counts)
            maps = Maps(stats, pitch, self.h, self.w, Grid(upsampled=upsampled), Grid(upsampled=detail), 0, 0, 0, 1, *buffers)
            rows, chroma = np.zeros((2, MAPS + 2, pitch), np.float32), np.zeros(padded, np.int16)
            map_tiles, shifts = (
                np.zeros((cached_rows, tiles, 2 * MAPS, map_tile_pitch), np.int16),
                np.zeros((cached_rows, tiles, 2), np.int32),
            )
            own = tuple(self._keep(array) for array in (rows, map_tiles, shifts, chroma))
            yield Rendering(maps, *places, *own, None, block, map_tile_pitch, cached_rows)

    def _keep(self, array: NDArray[np.generic]) -> int:
        self._buffers.append(array)
        return array.ctypes.data

    def measure(self, picture: Picture, state: DenoiserState | None = None) -> None:
        """Fill stats (6, h, w) from the picture or its denoised levels: means of red, green, blue, and of luma times each."""
        measure, motion, at = kernel("measure", "measure"), kernel("measure", "detect_motion"), (_at(picture), _at(state))
        for border in self._row_tiles.borders if state else ():
            motion(*at, _at(self._blocks[0]), border - 1)
            motion(*at, _at(self._blocks[0]), border)
        self._row_tiles.run(lambda tile, begin, end: measure(*at, _at(self._blocks[tile]), begin, end))

    @property
    def single_pass(self) -> bool:
        """Whether measuring and rendering can run as one pass: several threads synchronise between the two."""
        return len(self._row_tiles) == 1

    def measure_and_render(self, picture: Picture, state: DenoiserState, parameters: Parameters, out: Picture) -> None:
        """Denoise, measure and render a picture in one pass, with parameters that are known before."""
        self._use(parameters)
        measuring = _at(picture), _at(state), _at(self._blocks[0])
        kernel("measure", "measure_and_render")(*measuring, address("render", "render"), _at(out), _at(self._renderings[0]))

    def coarse_luma(self) -> Floats:
        """Mean luma of 8 x 8 parts of the picture."""
        kernel("measure", "coarse_luma")(_at(self._blocks[0]), self._coarse.ctypes.data)
        return self._coarse.copy()

    def thumbnail(self, out: Floats) -> None:
        """Fill out (4, rows, columns): area means of red, green and blue, deviation of luma."""
        size = self._pitch, self.h, self.w, out.ctypes.data, out.shape[1], out.shape[2]
        if self._edges.size != 2 * out.shape[2]:
            self._edges = np.empty(2 * out.shape[2], np.int32)
        kernel("thumbnail", "thumbnail")(self._blocks[0].stats, *size, self._sums.ctypes.data, self._edges.ctypes.data)

    def render(self, picture: Picture, parameters: Parameters, out: Picture, state: DenoiserState | None = None) -> None:
        """Render the measured picture, or its denoised levels."""
        render, at = kernel("render", "render"), (_at(picture), _at(state), _at(out))
        self._use(parameters)
        high = 2 * self.block
        self._row_tiles.run(
            lambda tile, begin, end: render(*at, _at(self._renderings[tile]), begin * high, min(end * high, self.height))
        )

    def _use(self, parameters: Parameters) -> None:
        if parameters is self._used:
            return
        self._used, self._tinted = parameters, parameters.tinted()  # keeps their arrays alive
        tinted = self._tinted
        for rendering in self._renderings:
            maps = rendering.maps
            for grid, planes in ((maps.coarse, tinted.grid_params), (maps.fine, tinted.fine_params)):
                self._place(grid, planes)
            maps.row_noise, maps.chroma_noise, evidence, neutral, maps.colour = map(float, tinted.scalars)
            maps.colourless = (1 - evidence) * neutral
            rendering.tone_curve = tinted.tone_curve.ctypes.data

    def _place(self, grid: Grid, planes: Floats) -> None:
        """Point a grid at planes (channels, rows, columns) of any resolution."""
        _, rows, columns = planes.shape
        grid.params = planes.ctypes.data
        if (grid.rows, grid.columns) != (rows, columns):
            if columns not in self._taps:
                self._taps[columns] = self._taps_of(columns)
            grid.column, grid.weight, grid.one_vector = self._taps[columns]
            grid.rows, grid.columns = rows, columns

    def _taps_of(self, columns: int) -> tuple[int, int, bool]:
        """Left cell of each block, weight of its right cell, and whether eight cells cover eight blocks."""
        left, weight = _taps(np.minimum(np.arange(self._pitch - 2 * MARGIN), self.w - 1), self.w, columns)
        spans = left[7::8] - left[::8]
        return self._keep(left), self._keep(weight), columns >= 8 and int(spans.max()) < 7


def _at(structure: ctypes.Structure | None) -> int | None:
    return None if structure is None else ctypes.addressof(structure)


def _taps(at: NDArray[np.int64], count: int, cells: int) -> tuple[NDArray[np.int32], Floats]:
    """Bilinear taps between cell centres, clamped at the border: index of the left cell, weight of the right one."""
    position = np.clip((at + 0.5) * cells / count - 0.5, 0, cells - 1)
    left = np.minimum(position.astype(np.int32), max(cells - 2, 0))
    return left, (position - left).astype(np.float32)
