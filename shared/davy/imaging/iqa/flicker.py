"""How restless a video's brightness is."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import InvalidInputError
from davy.domain.frame import BgrImage
from davy.imaging.iqa.luminance import luma


def flicker(frames: Iterable[BgrImage], reference: Iterable[BgrImage] | None = None) -> float:
    """Standard deviation over frames of the mean luma, in units of 1/255.

    With a reference video (the input, say) its own changes are no fault: its mean luma, times the one gain that fits best
    (least squares), is taken off first.

    Raises:
        InvalidInputError: no frame, or a reference of another length.
    """
    means = np.array([luma(frame).mean() for frame in frames])
    if means.size == 0:
        raise InvalidInputError("flicker needs at least one frame")
    if reference is None:
        return float(means.std())
    wanted = np.array([luma(frame).mean() for frame in reference])
    if wanted.size != means.size:
        raise InvalidInputError(f"the reference has {wanted.size} frames, the video {means.size}")
    return float((means - fitting_gain(wanted, means) * wanted).std())


def fitting_gain(source: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """The one factor by which source, shape (N,), comes nearest to target, by least squares; 0 for a source of zeros."""
    power = float(source @ source)
    return float(source @ target) / power if power > 0 else 0.0
