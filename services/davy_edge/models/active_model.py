"""What the pipelines of an edge enhance with now, and who else wants to see their frames."""

import threading
import time

from davy.adapters.media import planes
from davy.domain.frame import BgrImage, Pixels
from davy.imaging.runtime import StillEnhancer
from davy.models.gates import Look, Side, look
from davy.streams.latest import LatestSlot
from davy.telemetry import get_logger

log = get_logger(__name__)

WARM_UP = 1  # pairs
KEPT = 1000  # pairs of a duel, 10 minutes of them


class ShadowComparison:
    """Two models on the same frames, in a thread of its own: what each makes of them, and how long it takes.

    Time is that of the thread, not of the wall: a busy machine makes no model slow.

    Args:
        per_s: Frames a second that are looked at, of all cameras together; one costs what two enhanced frames cost.
    """

    def __init__(self, old: StillEnhancer, new: StillEnhancer, per_s: float) -> None:
        self._old, self._new, self._every_s = old, new, 1 / per_s
        self._mailbox: LatestSlot[Pixels] = LatestSlot()
        self._next_s = 0.0
        self._lock = threading.Lock()
        self._sides = (Side(), Side())
        self._thread = threading.Thread(target=self._run, name="model.duel", daemon=True)
        self._thread.start()

    def offer(self, pixels: Pixels) -> None:
        """A raw frame, from any thread; never waits."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            self._mailbox.put(pixels)

    def read(self) -> tuple[Side, Side]:
        """What was seen so far of the old model and of the new one."""
        with self._lock:
            old, new = (Side(list(side.looks), list(side.times_s), side.errors) for side in self._sides)
        return old, new

    def close(self) -> None:
        """End the thread; waits for the frame that it works on."""
        self._mailbox.close()
        self._thread.join(10.0)

    def _run(self) -> None:
        turn = 0
        while self._mailbox.wait():
            pixels = self._mailbox.take()
            if pixels is None:
                continue
            turn += 1
            pair = ((self._old, 0), (self._new, 1))
            picture = planes.bgr_of(pixels)
            seen = {side: self._see(still, picture) for still, side in (pair if turn % 2 else pair[::-1])}
            if turn <= WARM_UP:  # buffers are made, caches are cold: whoever comes first pays
                continue
            with self._lock:
                self._note(seen[0], seen[1])

    def _note(self, old: tuple[Look, float] | None, new: tuple[Look, float] | None) -> None:
        """Looks are kept in pairs: each frame is compared with itself."""
        for side, found in zip(self._sides, (old, new), strict=True):
            side.errors += found is None
            if old is not None and new is not None and found is not None and len(side.looks) < KEPT:
                side.looks.append(found[0])
                side.times_s.append(found[1])

    def _see(self, still: StillEnhancer, pixels: BgrImage) -> tuple[Look, float] | None:
        began_s = time.thread_time()
        try:
            picture = still.enhance(pixels)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a model on trial, it ends nothing else
            log.warning("model.failed_in_duel", model=still.model, error=str(error))
            return None
        took_s = time.thread_time() - began_s
        return look(picture), took_s


class Stage:
    """The model on stage. Pipelines ask for `still` before every frame: changing it is the swap, between two frames."""

    def __init__(self, still: StillEnhancer) -> None:
        self.still = still
        self.duel: ShadowComparison | None = None
        self.errors = 0  # frames that the model on stage failed on, since it is there
        self.lost: dict[str, int] = {}  # by camera, whether its first frame with the model on stage was dropped

    def swap(self, still: StillEnhancer) -> None:
        """Let the next frame of every camera be enhanced with another model."""
        self.still, self.errors, self.lost = still, 0, {}

    def failed(self, still: StillEnhancer) -> None:
        """A model failed on a frame. From a pipeline's thread."""
        if still is self.still:
            self.errors += 1

    def first(self, camera: str, emitted: bool) -> None:
        """What became of the frame between two models, the only one that a swap can cost. From a pipeline's thread."""
        self.lost[camera] = int(not emitted)

    @property
    def most_lost(self) -> int:
        """Frames that the swap cost the camera that lost most."""
        return max(self.lost.values(), default=0)

    def saw(self, pixels: Pixels) -> None:
        """A raw frame came by. From a pipeline's thread; never waits."""
        duel = self.duel
        if duel is not None:
            duel.offer(pixels)
