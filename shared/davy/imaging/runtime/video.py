"""Enhance the frames of one camera: the network seldom, its parameters smooth in time."""

import numpy as np

from davy.domain.dials import NEUTRAL, Dials
from davy.domain.frame import BgrImage, YuvImage
from davy.imaging.runtime.kernels import Floats, Picture
from davy.imaging.runtime.parameters import Parameters
from davy.imaging.runtime.picture import as_planes, as_rows, bgr_picture, bgr_room, copied, overlap, yuv_picture, yuv_room
from davy.imaging.runtime.settle import Settler, picture_key
from davy.imaging.runtime.still import StillEnhancer, check_strength
from davy.imaging.runtime.workspace import Workspace

SETTLE_SHARE = 0.25  # of the newest frame where nothing moves: noise falls to 0.38, over four frames
KEEP_FRAMES = 2  # so long the maps of rows in which nothing moves stay, and the parameters
GLIDE_FRAMES = 6.0  # parameters go this many frames' time constant towards the network's last word
CUT_STOPS = (
    0.3  # mean change of log2 luma of coarse blocks that is a new scene; motion in a mine makes 0.03, in half a second 0.18
)
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
        self._key: tuple[int, int, int, int] | None = None
        self._settler: Settler | None = None
        self._space: Workspace | None = None
        self._age, self._since = 0, 0  # frames since the network ran, and since the parameters moved
        self._setting: tuple[float, Dials] | None = None
        self._scene: Floats | None = None
        self._current: Parameters | None = None
        self._target: Parameters | None = None
        self._shown: tuple[Parameters, tuple[float, Dials], Parameters] | None = None

    @property
    def model(self) -> str:
        """The model's id, as frames carry it."""
        return self.still.model

    def swap(self, still: StillEnhancer) -> None:
        """Go on with another network from the next frame on; what follows from it comes in smoothly, as after any look.

        From the thread that calls `enhance`, or between two calls: no frame is lost and none is made of both.
        """
        self.still, self._target = still, None

    def enhance(self, image: BgrImage, strength: float = 1.0, out: BgrImage | None = None, dials: Dials = NEUTRAL) -> BgrImage:
        """As StillEnhancer.enhance, steady in time; arguments and errors are the same."""
        pixels = as_rows(image)
        room = bgr_room(out, pixels)
        self._enhance(bgr_picture(pixels), strength, dials, bgr_picture(room))
        return room

    def enhance_yuv(
        self, image: YuvImage, strength: float = 1.0, out: YuvImage | None = None, dials: Dials = NEUTRAL
    ) -> YuvImage:
        """As StillEnhancer.enhance_yuv, steady in time; arguments and errors are the same."""
        planes = as_planes(image)
        room = yuv_room(out, planes)
        if strength == 0 and dials == NEUTRAL:  # not by way of RGB, which cannot show all that YUV can say
            return copied(planes, room)
        self._enhance(yuv_picture(planes), strength, dials, yuv_picture(room))
        return room

    def _enhance(self, picture: Picture, strength: float, dials: Dials, out: Picture) -> None:
        check_strength(strength)
        setting = strength, dials
        space, settler = self._buffers(picture)
        settler = settler if strength > 0 else None
        unknown = self._target is None
        due = self._age % self.every == 0
        keep = settler is not None and not unknown and not due and setting == self._setting and self._since < KEEP_FRAMES
        at_once = settler is not None and not unknown and space.follows and not overlap(picture, out)
        if settler is not None and at_once:
            self._current = self._glide(keep)
            space.follow(picture, settler.next(keep), self._adjusted(self._current, setting), out)
        else:
            space.measure(picture, settler.next(keep) if settler else None)
        scene, cut = self._seen(space, settler)
        if cut and settler:
            settler.forget()
            space.measure(picture, settler.next())
            scene, _ = self._seen(space, settler)
        if cut or unknown:
            self._target, self._age = self.still.parameters(space), 0
        if cut or not at_once:
            self._current = self._target if cut else self._glide(keep)
            assert self._current is not None
            space.render(
                picture, self._adjusted(self._current, setting), out, settler.next(keep and not cut) if settler else None
            )
        if due and not (cut or unknown):  # what it says is for the frames after this one
            self._target, self._age = self.still.parameters(space), 0
        self._scene, self._setting = scene, setting
        self._age, self._since = self._age + 1, self._since + 1 if keep and not cut else 1

    def _adjusted(self, current: Parameters, setting: tuple[float, Dials]) -> Parameters:
        """Parameters at the strength and the dials of this frame; the same object while nothing changes."""
        if self._shown is None or self._shown[0] is not current or self._shown[1] != setting:
            self._shown = current, setting, current.at_strength(setting[0]).with_dials(setting[1])
        return self._shown[2]

    def _buffers(self, picture: Picture) -> tuple[Workspace, Settler | None]:
        if self._space is None or self._key != picture_key(picture):
            self._key = picture_key(picture)
            self._settler = Settler(picture, self.settle) if self.settle < 1 else None
            self._space = Workspace(picture.height, picture.width, self.still.threads, keeps=self._settler is not None)
            self._current = self._target = None
        return self._space, self._settler

    def _seen(self, space: Workspace, settler: Settler | None) -> tuple[Floats, bool]:
        """The coarse picture of the scene that was measured, and whether it is another scene than before."""
        if settler:
            settler.seen()
        scene = space.coarse()
        return scene, self._current is None or self._scene is None or _change_stops(scene, self._scene) > CUT_STOPS

    def _glide(self, keep: bool) -> Parameters:
        """The next parameters on the way to what the network said last."""
        assert self._current is not None
        assert self._target is not None
        return self._current if keep else self._current.towards(self._target, 1 - (1 - 1 / GLIDE_FRAMES) ** self._since)


def _change_stops(scene: Floats, before: Floats) -> float:
    return float(np.abs(np.log2((scene + FLOOR) / (before + FLOOR))).mean())
