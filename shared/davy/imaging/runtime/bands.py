"""Several threads on one picture: each has a band of its rows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

LEAST_ROWS = 2  # of a band: a row at its border belongs to no more than one border


class Bands:
    """So many bands of rows as there are threads, and the threads, which end with it.

    Args:
        rows: Of the picture, in whatever unit.
        threads: The caller's is one of them.
    """

    def __init__(self, rows: int, threads: int) -> None:
        count = max(1, min(threads, rows // LEAST_ROWS))
        self.edges = [rows * band // count for band in range(count + 1)]
        self._others = ThreadPoolExecutor(count - 1, "davy-band") if count > 1 else None

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def borders(self) -> list[int]:
        """The first row of every band but the first."""
        return self.edges[1:-1]

    def run(self, work: Callable[[int, int, int], None]) -> None:
        """Call work(band, begin, end) for all bands at once; the first in the caller's thread."""
        if self._others is None:
            work(0, *self.edges)
            return
        waiting = [self._others.submit(work, band, *self.edges[band : band + 2]) for band in range(1, len(self))]
        work(0, *self.edges[:2])
        for other in waiting:
            other.result()
