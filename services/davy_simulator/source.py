"""`simulator://` as a camera: frames come at their ticks; late ticks are skipped, as by a real camera."""

import math
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from davy.domain.errors import CameraUnavailableError, ConfigError
from davy.domain.frame import BgrImage, Frame
from davy.domain.ports import SourceOptions
from davy.domain.suggestion import did_you_mean
from davy.site import OLD_SCHEME, SIMULATOR_SCHEME
from davy_simulator.change import Change, parse_change
from davy_simulator.places import PLACES

RENDER_NICENESS = 8  # twice that of enhancing


class SimulatedCamera:
    """A camera whose frame n shows the instant epoch + (n + phase) / fps. Read from one thread; close from any.

    Args:
        url: For messages.
        picture: Renders the frame of a Unix time in ns.
        epoch_ns: Unix time in ns of tick 0.
        options: fps paces it.
        phase: In [0, 1) of a period: it spreads the cameras' exposures.
    """

    def __init__(
        self, url: str, picture: Callable[[int], BgrImage], epoch_ns: int, options: SourceOptions, phase: float = 0.0
    ) -> None:
        if not options.fps > 0:
            raise ConfigError(f"{url}: fps is {options.fps:g}: write a number over 0")
        self._url, self._picture, self._fps = url, picture, options.fps
        self._epoch_ns = epoch_ns + round(phase * 1e9 / options.fps)
        self._closed = threading.Event()
        self._tick = math.ceil((time.time_ns() - self._epoch_ns) * options.fps / 1e9) - 1
        self._seq = 0

    def read(self) -> Frame:
        """Wait for the next tick and render it.

        Raises:
            CameraUnavailableError: the source was closed.
        """
        if self._seq == 0:
            _lower_priority()
        now = time.time_ns()
        due = math.floor((now - self._epoch_ns) * self._fps / 1e9)
        self._tick = max(self._tick + 1, due)  # ticks that went by are lost, the latest is not
        captured_ns = self._epoch_ns + round(self._tick * 1e9 / self._fps)
        if self._closed.wait(max(captured_ns - now, 0) / 1e9):
            raise CameraUnavailableError(self._url, "closed")
        self._seq += 1
        return Frame(self._picture(captured_ns), captured_ns, self._seq)

    def close(self) -> None:
        """A read that waits ends with CameraUnavailableError."""
        self._closed.set()


def _lower_priority() -> None:
    """Lower the priority of a rendering thread on Linux: a real camera takes no CPU from the edge that reads it."""
    if sys.platform == "linux" and threading.current_thread() is not threading.main_thread():
        niceness = os.getpriority(os.PRIO_PROCESS, os.getpid()) + RENDER_NICENESS
        if niceness > os.getpriority(os.PRIO_PROCESS, threading.get_native_id()):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(niceness, 19))


@dataclass(frozen=True, slots=True)
class View:
    """The content of a URL: a place, the seed of its mine (None: the present mine), its change of light from from_s on."""

    place: str
    seed: int | None
    change: Change
    from_s: float


def parse_url(url: str) -> View:
    """Parse `simulator://gallery?seed=3` or `simulator://gallery?dim=0.3&from=60`, see change.py; `mine://` is the old scheme.

    Raises:
        ConfigError: another scheme, an unknown place, or a query that is neither a seed nor a change.
    """
    parts = urlsplit(url)
    if parts.scheme not in (SIMULATOR_SCHEME, OLD_SCHEME) or parts.path.strip("/"):
        raise ConfigError(f"{url}: write simulator://<place>, one of {', '.join(PLACES)}")
    if parts.netloc not in PLACES:
        raise ConfigError(f"{url}: no place {parts.netloc!r}{did_you_mean(parts.netloc, PLACES)}; known: {', '.join(PLACES)}")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    seed = query.pop("seed", None)
    if seed is not None and not seed.isdecimal():
        raise ConfigError(f"{url}: after '?' write seed=<integer>")
    try:
        change, from_s = parse_change(query, PLACES[parts.netloc])
    except ConfigError as error:
        raise ConfigError(f"{url}: after '?' only seed=<integer> and a change of light are allowed: {error}") from error
    return View(parts.netloc, None if seed is None else int(seed), change, from_s)
