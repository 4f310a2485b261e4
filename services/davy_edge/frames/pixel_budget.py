"""Pixels that the cameras of one edge may have together: hacked cameras cannot fill its memory with large pictures."""

import threading
from collections.abc import Callable

from davy.domain.errors import PixelBudgetError

OnRefused = Callable[[str, PixelBudgetError], None]


class PixelBudget:
    """Admits cameras by the size of their pictures. Used from the threads of all cameras.

    The largest loses its place first, so that a camera of usual size is not hurt by one that is too large.

    Args:
        megapixels: Limit of one picture of each camera together.
        on_refused: Called once when a camera loses its place, on the camera's thread.
    """

    def __init__(self, megapixels: float, on_refused: OnRefused) -> None:
        self._limit, self._on_refused = round(megapixels * 1e6), on_refused
        self._held: dict[str, int] = {}
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    def take(self, camera: str, width: int, height: int) -> None:
        """Take the place of a picture; a camera that is larger may lose its own for it.

        Args:
            camera: Name of the camera.
            width: Of its present picture, in pixels.
            height: As width.

        Raises:
            PixelBudgetError: there is no place.
        """
        with self._lock:
            admitted = self._admit(camera, width * height)
            told = camera in self._refused
            (self._refused.discard if admitted else self._refused.add)(camera)
        if not admitted:
            error = PixelBudgetError((width, height), self._limit)
            if not told:
                self._on_refused(camera, error)
            raise error

    def forget(self, camera: str) -> None:
        """Free the place of a camera."""
        with self._lock:
            self._held.pop(camera, None)
            self._refused.discard(camera)

    def _admit(self, camera: str, pixels: int) -> bool:
        self._held.pop(camera, None)
        others = dict(self._held)
        while others and sum(others.values()) + pixels > self._limit:
            largest = max(others, key=lambda name: others[name])
            if others[largest] <= pixels:
                return False
            del others[largest]
        if pixels > self._limit:
            return False
        self._held = {**others, camera: pixels}
        return True
