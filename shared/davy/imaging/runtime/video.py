"""Enhance the frames of one camera: the network runs on few frames, and parameters change smoothly."""

import numpy as np

from davy.domain.dials import NEUTRAL, Dials
from davy.domain.frame import BgrImage, YuvImage
from davy.imaging.runtime.kernels import Floats, Picture
from davy.imaging.runtime.parameters import Parameters
from davy.imaging.runtime.picture import as_planes, as_rows, bgr_buffer, bgr_picture, copied, overlap, yuv_buffer, yuv_picture
from davy.imaging.runtime.still import StillEnhancer, check_strength
from davy.imaging.runtime.temporal_denoising import TemporalDenoiser, picture_key
from davy.imaging.runtime.workspace import Workspace

BLEND_WEIGHT = 0.25  # weight of the newest frame where nothing moves: noise falls to 0.38, over four frames
REUSE_FRAMES = 2  # frames that share the maps of static rows, and the parameters
SMOOTHING_FRAMES = 6.0  # time constant of the parameters, in frames
CUT_STOPS = 0.3  # mean change of log2 luma of coarse blocks at a scene cut; motion in a mine makes 0.03, in half a second 0.18
FLOOR = 0.02  # display units: noise of luma, which hides changes


class VideoEnhancer:
    """Enhance successive frames of one camera; stateful: one per camera, one thread at a time.

    Args:
        still: Enhancer with the network; cameras can share it.
        every: Interval of the network in frames; it also runs on a scene cut.
        blend_weight: Weight of the newest frame where nothing moves, see TemporalDenoiser; 1 for a moving camera.
    """

    def __init__(self, still: StillEnhancer, every: int = 10, blend_weight: float = BLEND_WEIGHT) -> None:
        self.still, self.every, self.blend_weight = still, every, blend_weight
        self._key: tuple[int, int, int, int] | None = None
        self._denoiser: TemporalDenoiser | None = None
        self._space: Workspace | None = None
        self._age, self._since = 0, 0  # frames since the network ran, and since the parameters changed
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
        """Replace the network from the next frame on; parameters change smoothly.

        Call it from the thread that calls `enhance`, or between two calls: no frame is lost or mixed.
        """
        self.still, self._target = still, None

    def enhance(self, image: BgrImage, strength: float = 1.0, out: BgrImage | None = None, dials: Dials = NEUTRAL) -> BgrImage:
        """Enhance the next frame, without flicker; see StillEnhancer.enhance for arguments and errors."""
        pixels = as_rows(image)
        buffer = bgr_buffer(out, pixels)
        self._enhance(bgr_picture(pixels), strength, dials, bgr_picture(buffer))
        return buffer

    def enhance_yuv(
        self, image: YuvImage, strength: float = 1.0, out: YuvImage | None = None, dials: Dials = NEUTRAL
    ) -> YuvImage:
        """Enhance the next frame, without flicker; see StillEnhancer.enhance_yuv for arguments and errors."""
        planes = as_planes(image)
        buffer = yuv_buffer(out, planes)
        if strength == 0 and dials == NEUTRAL:  # RGB does not cover every YUV value
            return copied(planes, buffer)
        self._enhance(yuv_picture(planes), strength, dials, yuv_picture(buffer))
        return buffer

    def _enhance(self, picture: Picture, strength: float, dials: Dials, out: Picture) -> None:
        check_strength(strength)
        setting = strength, dials
        space, denoiser = self._buffers(picture)
        denoiser = denoiser if strength > 0 else None
        unknown = self._target is None
        due = self._age % self.every == 0
        reuse = denoiser is not None and not unknown and not due and setting == self._setting and self._since < REUSE_FRAMES
        single_pass = denoiser is not None and not unknown and space.single_pass and not overlap(picture, out)
        if denoiser is not None and single_pass:
            self._current = self._smoothed(reuse)
            space.measure_and_render(picture, denoiser.state(reuse), self._adjusted(self._current, setting), out)
        else:
            space.measure(picture, denoiser.state(reuse) if denoiser else None)
        scene, cut = self._detect_cut(space, denoiser)
        if cut and denoiser:
            denoiser.reset()
            space.measure(picture, denoiser.state())
            scene, _ = self._detect_cut(space, denoiser)
        if cut or unknown:
            self._target, self._age = self.still.parameters(space), 0
        if cut or not single_pass:
            self._current = self._target if cut else self._smoothed(reuse)
            assert self._current is not None
            state = denoiser.state(reuse and not cut) if denoiser else None
            space.render(picture, self._adjusted(self._current, setting), out, state)
        if due and not (cut or unknown):  # its parameters apply from the next frame on
            self._target, self._age = self.still.parameters(space), 0
        self._scene, self._setting = scene, setting
        self._age, self._since = self._age + 1, self._since + 1 if reuse and not cut else 1

    def _adjusted(self, current: Parameters, setting: tuple[float, Dials]) -> Parameters:
        """Parameters with strength and dials of this frame; the same object while nothing changes."""
        if self._shown is None or self._shown[0] is not current or self._shown[1] != setting:
            self._shown = current, setting, current.at_strength(setting[0]).with_dials(setting[1])
        return self._shown[2]

    def _buffers(self, picture: Picture) -> tuple[Workspace, TemporalDenoiser | None]:
        if self._space is None or self._key != picture_key(picture):
            self._key = picture_key(picture)
            self._denoiser = TemporalDenoiser(picture, self.blend_weight) if self.blend_weight < 1 else None
            self._space = Workspace(picture.height, picture.width, self.still.threads, cache_maps=self._denoiser is not None)
            self._current = self._target = None
        return self._space, self._denoiser

    def _detect_cut(self, space: Workspace, denoiser: TemporalDenoiser | None) -> tuple[Floats, bool]:
        """Coarse luma of the measured picture, and whether it shows a new scene."""
        if denoiser:
            denoiser.mark_measured()
        scene = space.coarse_luma()
        return scene, self._current is None or self._scene is None or _change_stops(scene, self._scene) > CUT_STOPS

    def _smoothed(self, reuse: bool) -> Parameters:
        """The next parameters, smoothed towards the network's last output."""
        assert self._current is not None
        assert self._target is not None
        return (
            self._current if reuse else self._current.interpolate(self._target, 1 - (1 - 1 / SMOOTHING_FRAMES) ** self._since)
        )


def _change_stops(scene: Floats, before: Floats) -> float:
    return float(np.abs(np.log2((scene + FLOOR) / (before + FLOOR))).mean())
