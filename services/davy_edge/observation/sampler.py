"""Samples of one camera: the raw image with the highest score of each period, if it scores enough."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from davy.adapters.media import jpeg
from davy.domain.camera import CameraAddress
from davy.domain.errors import FrameTooLargeError
from davy.domain.frame import Frame, Pixels
from davy.telemetry import get_logger
from davy.v1 import sample_pb2
from davy_edge.observation.light import Light
from davy_edge.observation.selection import KEPT, MIN_SCORE, ByteRateLimiter, Score, score_image

log = get_logger(__name__)

QUALITY = 95  # the network also learns from noise


@dataclass(frozen=True, slots=True)
class _Candidate:
    pixels: Pixels
    captured_ns: int
    model: str
    raw: Light
    shown: Light
    score: Score


class Sampler:
    """Chooses the samples of one camera, on the pipeline's thread. It holds one raw image.

    Args:
        every_s: Period in s; each yields at most one sample.
        emit: Called with each sample, without boot id and seq.
        left_out: Called with the reason for each chosen image that is not sent.
    """

    def __init__(
        self,
        camera: CameraAddress,
        bytes_per_hour: int,
        every_s: float,
        emit: Callable[[sample_pb2.Sample], None],
        left_out: Callable[[str], None],
    ) -> None:
        self._camera, self._every_s, self._emit, self._left_out = camera, every_s, emit, left_out
        self._limiter = ByteRateLimiter(bytes_per_hour)
        self._sent: deque[Light] = deque(maxlen=KEPT)
        self._best: _Candidate | None = None
        self._due_s: float | None = None

    def observe(self, frame: Frame, raw: Light, shown: Light, model: str, now_s: float) -> None:
        """Score a frame that model enhanced; now_s is of a monotonic clock. Encode at most one image per period."""
        if self._due_s is None:
            self._due_s = now_s + self._every_s
        score = score_image(raw, shown, self._sent)
        if score.value >= MIN_SCORE and (self._best is None or score.value > self._best.score.value):
            self._best = _Candidate(frame.pixels, frame.captured_ns, model, raw, shown, score)
        if now_s >= self._due_s:
            self._due_s = now_s + self._every_s
            best, self._best = self._best, None
            if best is not None:
                self._take(best, now_s)

    def _take(self, best: _Candidate, now_s: float) -> None:
        try:
            data = jpeg.encode(best.pixels, QUALITY)
        except FrameTooLargeError as error:
            log.warning("sample.too_large", camera=self._camera.camera, error=str(error))
            self._left_out("too-large")
            return
        if not self._limiter.spend(len(data), now_s):
            self._left_out("budget")
            return
        self._sent.append(best.raw)
        self._emit(
            sample_pb2.Sample(
                site=self._camera.site,
                edge=self._camera.edge,
                camera=self._camera.camera,
                captured_ns=best.captured_ns,
                reason=best.score.reason.value,
                model=best.model,
                figures=_figures("raw", best.raw) | _figures("shown", best.shown) | {"value": round(best.score.value, 3)},
                jpeg=data,
            )
        )


def _figures(prefix: str, light: Light) -> dict[str, float]:
    found = {"mean": light.mean, "dark": light.dark, "clipped": light.clipped, "evenness": light.evenness}
    return {f"{prefix}-{name}": round(value, 4) for name, value in found.items()}
