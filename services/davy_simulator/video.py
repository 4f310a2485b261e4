"""Write rendered frames as MP4."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av

from davy.domain.errors import InvalidInputError
from davy.domain.frame import BgrImage

CRF = 18  # visually lossless: what noise there is belongs to the picture


def write_mp4(path: Path, frames: Iterable[BgrImage], fps: float, size: tuple[int, int]) -> int:
    """Encode frames of size (width, height), both even, as H.264.

    Returns:
        The number of frames.

    Raises:
        InvalidInputError: the path cannot be written, or a side is odd.
    """
    if size[0] % 2 or size[1] % 2:
        raise InvalidInputError(f"a video of {size[0]}x{size[1]} cannot be written: both sides have to be even")
    count = 0
    try:
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
            stream.width, stream.height, stream.pix_fmt = size[0], size[1], "yuv420p"
            stream.options = {"crf": str(CRF), "preset": "veryfast"}
            for image in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
                count += 1
            container.mux(stream.encode(None))
    except OSError as error:  # av.FFmpegError among them
        raise InvalidInputError(f"{path} cannot be written: {error}") from error
    return count
