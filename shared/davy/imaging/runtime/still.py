"""Enhance single pictures."""

import threading
from pathlib import Path

import numpy as np

from davy.domain.dials import NEUTRAL, Dials
from davy.domain.errors import InvalidInputError
from davy.domain.frame import BgrImage, YuvImage
from davy.imaging.runtime.kernels import Floats, Picture
from davy.imaging.runtime.model import shipped_model
from davy.imaging.runtime.network import Network
from davy.imaging.runtime.parameters import Parameters
from davy.imaging.runtime.picture import as_planes, as_rows, bgr_picture, bgr_room, copied, yuv_picture, yuv_room
from davy.imaging.runtime.workspace import Workspace


class StillEnhancer:
    """Enhance any BGR picture; safe to share between threads.

    Args:
        model: an ONNX file that `davy train export` wrote, or its bytes; None is the shipped one.
        threads: of the network, and of the pixels of one picture.

    Raises:
        ModelError: the model file cannot be used.
    """

    def __init__(self, model: Path | bytes | None = None, threads: int = 1) -> None:
        self.network = Network(shipped_model() if model is None else model, threads)
        self.threads = threads
        self._local = threading.local()

    @property
    def model(self) -> str:
        """The model's id, as frames carry it."""
        return self.network.id

    def enhance(self, image: BgrImage, strength: float = 1.0, out: BgrImage | None = None, dials: Dials = NEUTRAL) -> BgrImage:
        """Return the enhanced picture.

        Args:
            image: BGR, shape (H, W, 3), uint8, sides of at least 16; any strides.
            strength: 0 is the identity, 1 the whole effect.
            out: where the picture goes, shape of image, rows contiguous; a fresh array where None.
            dials: the operator's corrections, after strength.

        Raises:
            ShapeError: image or out has another shape or dtype.
            InvalidInputError: strength is outside [0, 1].
        """
        pixels = as_rows(image)
        room = bgr_room(out, pixels)
        self._enhance(bgr_picture(pixels), strength, dials, bgr_picture(room))
        return room

    def enhance_yuv(
        self, image: YuvImage, strength: float = 1.0, out: YuvImage | None = None, dials: Dials = NEUTRAL
    ) -> YuvImage:
        """Return the enhanced picture, of the same range, without a detour by BGR in memory.

        It is what `enhance` does if every pixel has the chroma of its 2 x 2 (clipped to what RGB can show, not rounded), and
        the chroma of a 2 x 2 is then the mean of its four pixels': within 3 of 255 in each plane. Strength 0 with
        neutral dials is a plain copy.

        Args:
            image: 4:2:0 planes, sides of at least 16; any strides.
            strength: 0 is the identity, 1 the whole effect.
            out: where the picture goes, shape and range of image; fresh planes where None.
            dials: the operator's corrections, after strength.

        Raises:
            ShapeError: the planes of image or out do not belong together.
            InvalidInputError: strength is outside [0, 1].
        """
        planes = as_planes(image)
        room = yuv_room(out, planes)
        if strength == 0 and dials == NEUTRAL:  # not by way of RGB, which cannot show all that YUV can say
            return copied(planes, room)
        self._enhance(yuv_picture(planes), strength, dials, yuv_picture(room))
        return room

    def _enhance(self, picture: Picture, strength: float, dials: Dials, out: Picture) -> None:
        check_strength(strength)
        space = self.workspace(picture)
        space.measure(picture)
        space.render(picture, self.parameters(space).at_strength(strength).with_dials(dials), out)

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

    def workspace(self, picture: Picture) -> Workspace:
        """This thread's buffers for pictures of this size; the last size is kept."""
        space: Workspace | None = getattr(self._local, "space", None)
        if space is None or (space.height, space.width) != (picture.height, picture.width):
            space = self._local.space = Workspace(picture.height, picture.width, self.threads)
        return space


def check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise InvalidInputError(f"strength {strength:g} is outside 0 (leave as it is) to 1 (whole effect)")
