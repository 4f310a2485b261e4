"""Enhance the frames of one camera: the network seldom, its parameters smooth in time."""

import numpy as np

from davy.frame import BgrImage, YuvImage
from davy.runtime.kernels import Floats, Workspace
from davy.runtime.parameters import Parameters
from davy.runtime.settle import Settler
from davy.runtime.still import StillEnhancer, as_rows, check_strength, finish
from davy.runtime.yuv import check_planes, from_bgr, into, to_bgr

SETTLE_SHARE = 0.25  # of the newest frame where nothing moves: noise falls to 0.38, over four frames
GLIDE_FRAMES = 6.0  # parameters go this many frames' time constant towards the network's last word
CUT_STOPS = (
    0.3  # mean change of log2 luma of coarse blocks that is a new scene; motion in a mine makes 0.03, in half a second 0.18
)
COARSE = 8  # blocks per side of the scene's coarse picture
FLOOR = 0.02  # display units under which luma is noise and no change counts


class VideoEnhancer:
    """Enhance successive frames of one camera; stateful: one per camera, one thread at a time.

    Args:
        still: holds the network; shared between cameras.
        every: the network runs once in this many frames, and on a cut.
        settle: share of the newest frame where nothing moves, see Settler; 1 for a camera that moves.
    """

    def __init__(self, still: StillEnhancer, every: int = 10, settle: float = SETTLE_SHARE) -> None:
        self.still, self.every, self.settle = still, every, settle
        self._settler: Settler | None = None
        self._space: Workspace | None = None
        self._age = 0
        self._scene: Floats | None = None
        self._current: Parameters | None = None
        self._target: Parameters | None = None

    @property
    def model(self) -> str:
        """The model's id, as frames carry it."""
        return self.still.model

    def swap(self, still: StillEnhancer) -> None:
        """Go on with another network from the next frame on; what follows from it comes in smoothly, as after any look.

        From the thread that calls `enhance`, or between two calls: no frame is lost and none is made of both.
        """
        self.still, self._target = still, None

    def enhance(self, image: BgrImage, strength: float = 1.0, out: BgrImage | None = None) -> BgrImage:
        """As StillEnhancer.enhance, steady in time; arguments and errors are the same."""
        pixels = as_rows(image)
        check_strength(strength)
        if self._space is None or (self._space.height, self._space.width) != pixels.shape[:2]:
            self._space, self._current = Workspace(pixels.shape[0], pixels.shape[1]), None
            self._settler = Settler(pixels.shape[0], pixels.shape[1], self.settle) if self.settle < 1 else None
        settler = self._settler if strength > 0 else None
        shown = settler.settle(pixels) if settler else pixels
        self._space.measure(shown)
        scene = _coarse(self._space)
        cut = self._current is None or self._scene is None or _change_stops(scene, self._scene) > CUT_STOPS
        if cut and settler:
            settler.forget()
            shown = settler.settle(pixels)
            self._space.measure(shown)
            scene = _coarse(self._space)
        self._scene = scene
        return finish(self._space, shown, self._parameters(self._space, cut).at_strength(strength), out)

    def enhance_yuv(self, image: YuvImage, strength: float = 1.0, out: YuvImage | None = None) -> YuvImage:
        """As StillEnhancer.enhance_yuv, steady in time; arguments and errors are the same."""
        check_planes(image)
        return into(out, from_bgr(self.enhance(to_bgr(image), strength), image.full_range))

    def _parameters(self, space: Workspace, cut: bool) -> Parameters:
        if cut or self._age % self.every == 0 or self._target is None:
            self._target = self.still.parameters(space)
            self._age = 0
        self._age += 1
        current = self._target if cut or self._current is None else self._current.towards(self._target, 1 / GLIDE_FRAMES)
        self._current = current
        return current


def _coarse(space: Workspace) -> Floats:
    luma = space.stats[3]
    rows, columns = max(space.h // COARSE, 1), max(space.w // COARSE, 1)
    whole = luma[: space.h // rows * rows, : space.w // columns * columns]
    means: Floats = whole.reshape(whole.shape[0] // rows, rows, whole.shape[1] // columns, columns).mean((1, 3))
    return means


def _change_stops(scene: Floats, before: Floats) -> float:
    return float(np.abs(np.log2((scene + FLOOR) / (before + FLOOR))).mean())
