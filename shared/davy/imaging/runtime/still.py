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
from davy.imaging.runtime.picture import as_planes, as_rows, bgr_buffer, bgr_picture, copied, yuv_buffer, yuv_picture
from davy.imaging.runtime.workspace import Workspace


class StillEnhancer:
    """Enhance any BGR picture; safe to share between threads.

    Args:
        model: An ONNX file written by `davy train export`, or its bytes; None selects the shipped model.
        threads: Number of threads for the network and for the pixels of one picture.

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
            strength: 0 is the identity, 1 the full effect.
            out: Output array, shape of image, rows contiguous; None allocates one.
            dials: The operator's corrections, applied after strength.

        Raises:
            ShapeError: image or out has another shape or dtype.
            InvalidInputError: strength is outside [0, 1].
        """
        pixels = as_rows(image)
        buffer = bgr_buffer(out, pixels)
        self._enhance(bgr_picture(pixels), strength, dials, bgr_picture(buffer))
        return buffer

    def enhance_yuv(
        self, image: YuvImage, strength: float = 1.0, out: YuvImage | None = None, dials: Dials = NEUTRAL
    ) -> YuvImage:
        """Return the enhanced picture in the same range, without a BGR picture in memory.

        The result equals `enhance` on upsampled chroma, with chroma then averaged over 2 x 2 pixels, within 3 of 255 per
        plane. Strength 0 with neutral dials copies the planes.

        Args:
            image: 4:2:0 planes, sides of at least 16; any strides.
            strength: 0 is the identity, 1 the full effect.
            out: Output planes, shapes and range of image; None allocates them.
            dials: The operator's corrections, applied after strength.

        Raises:
            ShapeError: the planes of image or out do not form one 4:2:0 picture.
            InvalidInputError: strength is outside [0, 1].
        """
        planes = as_planes(image)
        buffer = yuv_buffer(out, planes)
        if strength == 0 and dials == NEUTRAL:  # RGB does not cover every YUV value
            return copied(planes, buffer)
        self._enhance(yuv_picture(planes), strength, dials, yuv_picture(buffer))
        return buffer

    def _enhance(self, picture: Picture, strength: float, dials: Dials, out: Picture) -> None:
        check_strength(strength)
        space = self.workspace(picture)
        space.measure(picture)
        space.render(picture, self.parameters(space).at_strength(strength).with_dials(dials), out)

    def parameters(self, space: Workspace) -> Parameters:
        """Run the network on the picture that the workspace has measured."""
        space.thumbnail(self.thumb)
        return self.network(self.thumb)

    @property
    def thumb(self) -> Floats:
        """The last thumbnail of this thread."""
        if not hasattr(self._local, "thumb"):
            self._local.thumb = np.empty(self.network.thumb_shape, np.float32)
        thumb: Floats = self._local.thumb
        return thumb

    def workspace(self, picture: Picture) -> Workspace:
        """Buffers of this thread for pictures of this size; it caches the last size."""
        space: Workspace | None = getattr(self._local, "space", None)
        if space is None or (space.height, space.width) != (picture.height, picture.width):
            space = self._local.space = Workspace(picture.height, picture.width, self.threads)
        return space


def check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise InvalidInputError(f"strength {strength:g} is outside 0 (identity) to 1 (full effect)")
