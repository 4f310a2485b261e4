"""Distribute the rows of one picture over threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

MIN_ROWS = 2  # of a tile: each of its rows then lies at one border at most


class RowTiles:
    """One tile of rows per thread, and the threads; they end with this object.

    Args:
        rows: Number of rows of the picture, in any unit.
        threads: Number of threads, the caller's included.
    """

    def __init__(self, rows: int, threads: int) -> None:
        count = max(1, min(threads, rows // MIN_ROWS))
        self.edges = [rows * tile // count for tile in range(count + 1)]
        self._others = ThreadPoolExecutor(count - 1, "davy-tile") if count > 1 else None

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def borders(self) -> list[int]:
        """The first row of every tile except the first tile."""
        return self.edges[1:-1]

    def run(self, work: Callable[[int, int, int], None]) -> None:
        """Call work(tile, begin, end) for all tiles in parallel; the first runs in the caller's thread."""
        if self._others is None:
            work(0, *self.edges)
            return
        waiting = [self._others.submit(work, tile, *self.edges[tile : tile + 2]) for tile in range(1, len(self))]
        work(0, *self.edges[:2])
        for other in waiting:
            other.result()
