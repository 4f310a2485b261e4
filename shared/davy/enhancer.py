"""The library's public class: enhance arrays, image files, video files and sequences of frames."""

from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path

from davy.domain.dials import NEUTRAL, Dials
from davy.domain.errors import InvalidInputError
from davy.domain.frame import BgrImage
from davy.files import FileReport, OutputOptions, Progress, enhance_any_size, enhance_file
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy.imaging.runtime.still import check_strength

__all__ = ["Enhancer", "FileReport"]


class Enhancer:
    """Enhance low-light pictures with the shipped network or another one.

    One enhancer loads the network once and may be shared between threads.

    Args:
        model: An ONNX file written by `davy train export`; None selects the shipped model.
        strength: Default of every call: 0 is the identity, 1 the full effect.
        threads: Threads per picture, at least 1.

    Raises:
        ModelError: the model file cannot be used.
        InvalidInputError: strength is outside [0, 1].

    Example:
        >>> import numpy, davy
        >>> davy.Enhancer().enhance(numpy.zeros((480, 640, 3), numpy.uint8)).shape
        (480, 640, 3)
    """

    def __init__(self, model: str | PathLike[str] | None = None, *, strength: float = 1.0, threads: int = 1) -> None:
        check_strength(strength)
        self.strength = strength
        self._still = StillEnhancer(None if model is None else Path(model), threads)

    @property
    def model(self) -> str:
        """The id of the network, equal to the model id in enhanced frames."""
        return self._still.model

    def enhance(self, image: BgrImage, strength: float | None = None, dials: Dials = NEUTRAL) -> BgrImage:
        """Enhance one image.

        Args:
            image: BGR as OpenCV reads it, shape (H, W, 3), uint8, any size of at least 1 x 1, any strides.
            strength: 0 to 1; None takes the enhancer's default.
            dials: Corrections of brightness, local contrast, noise and colour, after strength.

        Returns:
            A new array, shape and dtype of image.

        Raises:
            ShapeError: image has another shape or dtype.
            InvalidInputError: strength is outside [0, 1].
        """
        return enhance_any_size(self._still, image, self._strength(strength), dials)

    def enhance_video(
        self, frames: Iterable[BgrImage], strength: float | None = None, dials: Dials = NEUTRAL
    ) -> Iterator[BgrImage]:
        """Enhance the frames of one camera or clip, steady in time and with less noise where nothing moves.

        Args:
            frames: As of `enhance`, sides of at least 16, in order; the size may change.
            strength: 0 to 1; None takes the enhancer's default.
            dials: Corrections of brightness, local contrast, noise and colour, after strength.

        Yields:
            One new array per frame, as soon as the frame is there.

        Raises:
            ShapeError: a frame has another shape or dtype.
            InvalidInputError: strength is outside [0, 1].
        """
        chosen, video = self._strength(strength), VideoEnhancer(self._still)
        return (video.enhance(frame, chosen, dials=dials) for frame in frames)

    def enhance_file(
        self,
        source: str | PathLike[str],
        target: str | PathLike[str],
        *,
        strength: float | None = None,
        dials: Dials = NEUTRAL,
        quality: int = 90,
        side_by_side: bool = False,
        overwrite: bool = False,
        progress: Progress = lambda _: None,
    ) -> FileReport:
        """Enhance an image or a video file; the suffix of target selects the format.

        Metadata, alpha, audio, subtitles and time stamps are kept. The target appears complete or not at all.

        Args:
            source: A JPEG, PNG, WebP, TIFF or BMP image, or a video that FFmpeg reads.
            target: The file to write; its folder is created.
            strength: 0 to 1; None takes the enhancer's default.
            dials: Corrections of brightness, local contrast, noise and colour, after strength.
            quality: 1 to 100, of JPEG, WebP and video.
            side_by_side: Put the input left of the output.
            overwrite: Replace a target that exists.
            progress: Called with the completed share, 0 to 1.

        Raises:
            InvalidInputError: source cannot be read, target exists or is source, or its suffix is unknown.
            MissingExtraError: a video needs the extra `video`.
            OSError: the disk fails or is full.
        """
        read, written = Path(source), Path(target)
        if not read.is_file():
            raise InvalidInputError(f"{read} is not a file")
        if written.exists() and written.samefile(read):
            raise InvalidInputError(f"{read} is source and target: choose another target")
        if written.exists() and not overwrite:
            raise InvalidInputError(f"{written} exists: choose another target, or pass overwrite=True")
        if not 1 <= quality <= 100:
            raise InvalidInputError(f"quality {quality} is outside 1 to 100")
        return enhance_file(
            read, written, self._still, OutputOptions(self._strength(strength), quality, side_by_side, dials), progress
        )

    def _strength(self, strength: float | None) -> float:
        if strength is None:
            return self.strength
        check_strength(strength)
        return strength
