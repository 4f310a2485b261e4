"""Enhance picture and video files. An output file appears complete or not at all."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from davy.adapters.media.images import ImageFormat, Picture, decode, encode, left_out
from davy.domain.dials import NEUTRAL, Dials
from davy.domain.errors import InvalidInputError, MissingExtraError, UnsupportedImageError
from davy.domain.frame import BgrImage
from davy.domain.ports import ImageEnhancer
from davy.imaging.runtime import StillEnhancer, VideoEnhancer

_partial: set[Path] = set()  # files being written now, under their hidden names

MAX_FILE_PIXELS = 256_000_000  # phones have 108 and 200 megapixels; 256 are 768 MB as BGR
MIN_SIDE = 16  # pixels, of the enhancer; smaller pictures are padded for it

Progress = Callable[[float], None]
"""Called with the completed share of one file, 0 to 1."""


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Options of an output file.

    Args:
        strength: 0 is the identity, 1 the full effect; the identity of a video copies its packets.
        quality: 1 to 100, of lossy formats.
        side_by_side: Put the input left of the output; the file is twice as wide.
        dials: The operator's corrections.
    """

    strength: float = 1.0
    quality: int = 90
    side_by_side: bool = False
    dials: Dials = NEUTRAL


@dataclass(frozen=True, slots=True)
class FileReport:
    """The result of one file.

    Args:
        target: The file that was written.
        frames: Pictures that were enhanced; 1 for an image.
        warnings: What the source or the output lacks, such as streams that its container cannot hold; one sentence each.
    """

    target: Path
    frames: int
    warnings: tuple[str, ...] = ()


def enhance_file(
    source: Path, target: Path, still: StillEnhancer, options: OutputOptions, progress: Progress = lambda _: None
) -> FileReport:
    """Enhance one file; the suffix of target selects the output format.

    Raises:
        InvalidInputError: the source cannot be read, or its content cannot be written under the target's suffix.
        MissingExtraError: a video needs the extra `video`.
        StorageFullError: the disk of the target is full.
        OSError: a file cannot be read or written.
    """
    kind = ImageFormat.of(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _replaced_when_complete(target) as temporary:
        if kind is None:
            report = _enhance_video(source, target, temporary, still, options, progress)
        else:
            notes = _enhance_image(source, temporary, kind, still, options)
            report = FileReport(target, 1, tuple(f"{source}: {note}" for note in notes))
    progress(1.0)
    return report


def enhance_picture(enhancer: ImageEnhancer, picture: Picture, strength: float, dials: Dials = NEUTRAL) -> Picture:
    """Enhance the pixels of a decoded file; alpha and metadata stay. Accepts any size of at least 1 x 1."""
    return replace(picture, pixels=enhance_any_size(enhancer, picture.pixels, strength, dials))


def enhance_any_size(enhancer: ImageEnhancer, image: BgrImage, strength: float, dials: Dials = NEUTRAL) -> BgrImage:
    """Enhance an image of any size of at least 1 x 1; sides under MIN_SIDE are padded for the enhancer and cropped again."""
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        missing = ((0, max(0, MIN_SIDE - height)), (0, max(0, MIN_SIDE - width)), (0, 0))
        image = np.pad(image, missing, mode="edge")
    return enhancer.enhance(image, strength, dials=dials)[:height, :width]


@contextmanager
def _replaced_when_complete(target: Path) -> Iterator[Path]:
    """Yield a hidden name in the target's folder and rename it to the target at the end."""
    temporary = target.with_name(f".{target.stem[:100]}.{uuid.uuid4().hex[:8]}.part{target.suffix}")
    _partial.add(temporary)
    try:
        yield temporary
        temporary.replace(target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
        _partial.discard(temporary)


def remove_partial_files() -> None:
    """Remove the hidden files that threads are still writing; only for a process that ends at once."""
    for path in tuple(_partial):
        path.unlink(missing_ok=True)


def _enhance_image(
    source: Path, target: Path, kind: ImageFormat, still: StillEnhancer, options: OutputOptions
) -> tuple[str, ...]:
    if ImageFormat.of(source) is None and source.suffix and _is_video(source):
        raise UnsupportedImageError(f"writing {source.name} as a picture", "an output name with the suffix of a video")
    picture = decode(source.read_bytes(), tuple(ImageFormat), MAX_FILE_PIXELS)
    enhanced = enhance_picture(still, picture, options.strength, options.dials)
    if options.side_by_side:
        alpha = None if picture.alpha is None else np.hstack([picture.alpha, picture.alpha])
        enhanced = replace(enhanced, pixels=np.hstack([picture.pixels, enhanced.pixels]), alpha=alpha)
    target.write_bytes(encode(enhanced, kind, options.quality))
    return (*picture.notes, *left_out(enhanced, kind))


def _enhance_video(
    source: Path, target: Path, temporary: Path, still: StillEnhancer, options: OutputOptions, progress: Progress
) -> FileReport:
    video = _video_codecs()
    if target.suffix.lower() not in video.SUFFIXES:
        raise InvalidInputError(f"{target.name}: end the name with one of {', '.join(known_suffixes())}")
    enhancer = VideoEnhancer(still)

    def change(image: BgrImage) -> BgrImage:
        enhanced = enhancer.enhance(image, options.strength, dials=options.dials)
        return np.hstack([image, enhanced]) if options.side_by_side else enhanced

    panes = 2 if options.side_by_side else 1
    identity = options.strength == 0 and options.dials == NEUTRAL and not options.side_by_side
    report = video.transcode(
        source, temporary, None if identity else change, quality=options.quality, panes=panes, progress=progress
    )
    warnings = [f"{source}: {note}" for note in report.notes]
    warnings += [f"{source}: {name} left out: {target.suffix} cannot hold it" for name in report.left_out]
    if report.damaged:
        warnings.append(f"{source}: {report.damaged} damaged packets left out, {report.frames} pictures enhanced")
    return FileReport(target, report.frames, tuple(warnings))


def known_suffixes() -> list[str]:
    """The suffixes that an output file may have, images first."""
    return [kind.suffixes[0] for kind in ImageFormat] + list(_video_codecs().SUFFIXES)


def _is_video(path: Path) -> bool:
    try:
        return path.suffix.lower() in _video_codecs().SUFFIXES
    except MissingExtraError:  # without the codecs, decoding fails with its own reason
        return False


def _video_codecs() -> ModuleType:
    """Import PyAV late: arrays and images do not need it."""
    try:
        from davy.adapters.media import video
    except ModuleNotFoundError as error:
        raise MissingExtraError("a video file", str(error.name), "video") from error
    return video
