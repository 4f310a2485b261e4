"""The simulated mine as one object: renders places at any time, dark or evenly lit."""

import threading
import time
from collections.abc import Callable

from davy.domain.errors import UnknownCameraError
from davy.domain.frame import BgrImage
from davy.domain.ports import FrameSource, SourceOptions
from davy_simulator.change import USUAL, Change
from davy_simulator.kernels import Floats
from davy_simulator.people import PersonBox
from davy_simulator.places import PLACES
from davy_simulator.render import Renderer
from davy_simulator.source import SimulatedCamera, parse_url

DEFAULT_SIZE = (1280, 720)
Key = tuple[str, tuple[int, int], int, Change]


class Mine:
    """A seeded mine: the same seed, place, time and size give the same frame, bit for bit.

    Args:
        seed: Of rock, dust, noise, and everybody's habits.
        epoch_ns: Unix time in ns at which the mine's time is 0; None for now.
    """

    def __init__(self, seed: int = 7, epoch_ns: int | None = None) -> None:
        self.seed = seed
        self.epoch_ns = time.time_ns() if epoch_ns is None else epoch_ns
        self._renderers: dict[Key, Renderer] = {}
        self._building: dict[Key, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the cameras."""
        return tuple(PLACES)

    def render(self, place: str, t_s: float, size: tuple[int, int] = DEFAULT_SIZE, change: Change = USUAL) -> BgrImage:
        """What the place's camera sees t_s after the epoch, size (width, height); the first frame of a place takes longer.

        Args:
            change: what befell the place's light.

        Raises:
            UnknownCameraError: no such place.
            InvalidInputError: the size is out of range.
        """
        return self._renderer(place, size, self.seed, change).raw(t_s, self._unix_ns(t_s))

    def truth(self, place: str, t_s: float, size: tuple[int, int] = DEFAULT_SIZE) -> BgrImage:
        """The same instant evenly lit, without dust and noise; errors as of render."""
        return self._renderer(place, size, self.seed).truth(t_s, self._unix_ns(t_s))

    def depth(self, place: str, t_s: float, size: tuple[int, int] = DEFAULT_SIZE) -> Floats:
        """How far what the camera sees lies in front of it, in m, shape (H, W); errors as of render."""
        return self._renderer(place, size, self.seed).depth(t_s)

    def people(self, place: str, t_s: float, size: tuple[int, int] = DEFAULT_SIZE) -> list[PersonBox]:
        """Boxes of everybody whom the place's camera sees; errors as of render."""
        return self._renderer(place, size, self.seed).people(t_s)

    def time_of(self, captured_ns: int) -> float:
        """The mine's time of a frame that `open_source` gave."""
        return (captured_ns - self.epoch_ns) / 1e9

    def open_source(self, url: str, options: SourceOptions) -> FrameSource:
        """Open `simulator://<place>[?seed=<n>]` at options.fps; its light may change: `simulator://gallery?dim=0.3&from=60`.

        Raises:
            ConfigError: the URL is wrong.
        """
        view = parse_url(url)
        size, seed = options.size or DEFAULT_SIZE, self.seed if view.seed is None else view.seed
        usual, later = (self._renderer(view.place, size, seed, change) for change in (USUAL, view.change))
        return SimulatedCamera(url, self._picture(usual, later, view.from_s), self.epoch_ns, options, _phase(view.place))

    def _picture(self, usual: Renderer, later: Renderer, from_s: float) -> Callable[[int], BgrImage]:
        def picture(captured_ns: int) -> BgrImage:
            t_s = self.time_of(captured_ns)
            return (later if t_s >= from_s else usual).raw(t_s, captured_ns)

        return picture

    def _renderer(self, place: str, size: tuple[int, int], seed: int, change: Change = USUAL) -> Renderer:
        """Built on first use; different places are built side by side, the same one only once."""
        if place not in PLACES:
            raise UnknownCameraError(place, self.places)
        key = (place, size, seed, change)
        gain = None if change == USUAL else self._renderer(place, size, seed).gain  # the camera was at its limit already
        with self._lock:
            building = self._building.setdefault(key, threading.Lock())
        with building:
            if key not in self._renderers:
                self._renderers[key] = Renderer(change.of(PLACES[place]), size, seed, gain)
            return self._renderers[key]

    def _unix_ns(self, t_s: float) -> int:
        return self.epoch_ns + round(t_s * 1e9)


def _phase(place: str) -> float:
    """Phase of a camera's exposures in its period: real cameras are not synchronous, and bursts would queue for a processor."""
    return tuple(PLACES).index(place) / len(PLACES)
