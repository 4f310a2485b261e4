"""Enhance single pictures."""

import threading
from pathlib import Path

import numpy as np

from davy.errors import InvalidInputError, ShapeError
from davy.frame import BgrImage, YuvImage
from davy.runtime.kernels import Floats, Workspace
from davy.runtime.model import shipped_model
from davy.runtime.network import Network
from davy.runtime.parameters import Parameters
from davy.runtime.yuv import check_planes, from_bgr, into, to_bgr

MIN_SIDE = 16


class StillEnhancer:
    """Enhance any BGR picture; safe to share between threads.

    Args:
        model: an ONNX file that `davy train export` wrote, or its bytes; None is the shipped one.
        threads: threads of the network.

    Raises:
        ModelError: the model file cannot be used.
    """

    def __init__(self, model: Path | bytes | None = None, threads: int = 1) -> None:
        self.network = Network(shipped_model() if model is None else model, threads)
        self._local = threading.local()

    @property
    def model(self) -> str:
        """The model's id, as frames carry it."""
        return self.network.id

    def enhance(self, image: BgrImage, strength: float = 1.0, out: BgrImage | None = None) -> BgrImage:
        """Return the enhanced picture.

        Args:
            image: BGR, shape (H, W, 3), uint8, sides of at least 16; any strides.
            strength: 0 is the identity, 1 the whole effect.
            out: where the picture goes, shape of image, rows contiguous; a fresh array where None.

        Raises:
            ShapeError: image or out has another shape or dtype.
            InvalidInputError: strength is outside [0, 1].
        """
        pixels = as_rows(image)
        check_strength(strength)
        space = self.workspace(pixels)
        space.measure(pixels)
        return finish(space, pixels, self.parameters(space).at_strength(strength), out)

    def enhance_yuv(self, image: YuvImage, strength: float = 1.0, out: YuvImage | None = None) -> YuvImage:
        """Return the enhanced picture, of the same range.

        Args:
            image: 4:2:0 planes, sides of at least 16; any strides.
            strength: 0 is the identity, 1 the whole effect.
            out: where the picture goes, shape and range of image; fresh planes where None.

        Raises:
            ShapeError: the planes of image or out do not belong together.
            InvalidInputError: strength is outside [0, 1].
        """
        check_planes(image)
        return into(out, from_bgr(self.enhance(to_bgr(image), strength), image.full_range))

    def parameters(self, space: Workspace) -> Parameters:
        """Run the network on a workspace that has measured a picture."""
        space.thumbnail(self.thumb)
        return self.network(self.thumb)

    @property
    def thumb(self) -> Floats:
        """This thread's thumbnail, as the network last saw it."""
        if not hasattr(self._local, "thumb"):
            self._local.thumb = np.empty(self.network.thumb_shape, np.float32)
        thumb: Floats = self._local.thumb
        return thumb

    def workspace(self, image: BgrImage) -> Workspace:
        """This thread's buffers for pictures of this size; the last size is kept."""
        space: Workspace | None = getattr(self._local, "space", None)
        if space is None or (space.height, space.width) != image.shape[:2]:
            space = self._local.space = Workspace(image.shape[0], image.shape[1])
        return space


def as_rows(image: BgrImage) -> BgrImage:
    """The picture with contiguous pixels inside each row, copied only where it has other strides.

    Raises:
        ShapeError: not (H, W, 3) uint8, or a side under 16 px.
    """
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < MIN_SIDE or image.dtype != np.uint8:
        raise ShapeError("image", image.shape, f"(H, W, 3) uint8, H and W at least {MIN_SIDE}")
    return image if image.strides[1:] == (3, 1) else np.ascontiguousarray(image)


def check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise InvalidInputError(f"strength {strength:g} is outside 0 (leave as it is) to 1 (whole effect)")


def finish(space: Workspace, pixels: BgrImage, parameters: Parameters, out: BgrImage | None) -> BgrImage:
    """The full-resolution part, for a workspace that has measured these pixels."""
    if out is None:
        out = np.empty_like(pixels, order="C")
    elif out.shape != pixels.shape or out.dtype != np.uint8 or out.strides[1:] != (3, 1):
        raise ShapeError("out", out.shape, f"{pixels.shape} uint8 with contiguous rows")
    space.solve(parameters.cells)
    space.apply(pixels, parameters.tone_table(), out)
    return out
