"""Files on disk: which become which, and one of them enhanced. The command line around it is enhance_cli."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from davy.adapters.media import video
from davy.adapters.media.images import ImageFormat, Picture, decode, encode
from davy.domain.errors import InvalidInputError, UnsupportedImageError
from davy.domain.frame import BgrImage
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy_enhancer.processing import enhance_picture

Progress = Callable[[float], None]
"""Called with the part of one file that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Look:
    """How the output shall look."""

    strength: float = 1.0
    quality: int = 90
    side_by_side: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """One file to do."""

    source: Path
    target: Path


@dataclass(slots=True)
class Plan:
    """What is to be done; kept: targets that exist already; others: files that are neither picture nor video."""

    errands: list[Errand] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def plan(source: Path, target: Path, overwrite: bool) -> Plan:
    """A file to a file or into a folder; a folder, with all below it, to a folder. Names stay.

    Raises:
        InvalidInputError: source is not there, or source and target do not fit together; the text says what to do.
    """
    if not source.exists():
        raise InvalidInputError(f"{source} does not exist")
    if source.is_dir():
        if target.is_file():
            raise InvalidInputError(f"{source} is a folder and {target} a file: name a folder for the output")
        if target.resolve() == source.resolve():
            raise InvalidInputError("IN and OUT are one folder: the originals would be lost; name another for OUT")
        return _plan_folder(source, target, overwrite)
    if target.is_dir() or not target.suffix:
        target = target / source.name
    if target.exists() and target.samefile(source):
        raise InvalidInputError(f"IN and OUT are one file, {source}: the original would be lost; name another for OUT")
    if target.exists() and not overwrite:
        raise InvalidInputError(f"{target} exists: name another, or say --overwrite")
    if not _is_known(target):
        raise InvalidInputError(f"{target.name} is no name that says what to write: end it with {_known()}")
    return Plan([Errand(source, target)])


def _plan_folder(source: Path, target: Path, overwrite: bool) -> Plan:
    found = Plan()
    for path in sorted(source.rglob("*")):
        if not path.is_file() or path.name.startswith(".") or path.is_relative_to(target):
            continue
        goal = target / path.relative_to(source)
        if not _is_known(path):
            found.others.append(path)
        elif goal.exists() and not overwrite:
            found.kept.append(goal)
        else:
            found.errands.append(Errand(path, goal))
    return found


def _is_known(path: Path) -> bool:
    return is_video(path) or ImageFormat.of(path) is not None


def is_video(path: Path) -> bool:
    return path.suffix.lower() in video.SUFFIXES


def _known() -> str:
    return ", ".join([kind.suffixes[0] for kind in ImageFormat] + list(video.SUFFIXES))


def enhance_file(errand: Errand, still: StillEnhancer, look: Look, progress: Progress = lambda _: None) -> list[str]:
    """Enhance one file.

    Returns:
        What a person should know, such as streams that were left out; mostly nothing.

    Raises:
        InvalidInputError: the file cannot be read, or not be written as its name wants.
        OSError: the disk does not play along.
    """
    errand.target.parent.mkdir(parents=True, exist_ok=True)
    with _appearing_when_whole(errand.target) as temporary:
        if is_video(errand.target):
            return _enhance_video(errand.source, temporary, still, look, progress)
        _enhance_image(errand.source, temporary, still, look)
    progress(1.0)
    return []


@contextmanager
def _appearing_when_whole(target: Path) -> Iterator[Path]:
    """A hidden name beside the target that becomes the target at the end: a reader, or a crash, sees a whole file or none."""
    temporary = target.with_name(f".{target.stem[:100]}.{uuid.uuid4().hex[:8]}.part{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _enhance_image(source: Path, target: Path, still: StillEnhancer, look: Look) -> None:
    kind = ImageFormat.of(target)
    if kind is None or is_video(source):
        raise UnsupportedImageError(f"writing {source.name} as a picture", "a name for OUT that ends like a video's")
    picture = decode(source.read_bytes(), tuple(ImageFormat))
    better = enhance_picture(still, picture, look.strength)
    if look.side_by_side:
        better = _side_by_side(picture, better)
    target.write_bytes(encode(better, kind, look.quality))


def _side_by_side(raw: Picture, better: Picture) -> Picture:
    alpha = None if raw.alpha is None else np.hstack([raw.alpha, raw.alpha])
    return replace(better, pixels=np.hstack([raw.pixels, better.pixels]), alpha=alpha)


def _enhance_video(source: Path, target: Path, still: StillEnhancer, look: Look, progress: Progress) -> list[str]:
    enhancer = VideoEnhancer(still)

    def change(image: BgrImage) -> BgrImage:
        better = enhancer.enhance(image, look.strength)
        return np.hstack([image, better]) if look.side_by_side else better

    panes = 2 if look.side_by_side else 1
    report = video.transcode(source, target, change, quality=look.quality, panes=panes, progress=progress)
    notes = [f"{source}: {name} left out: {target.suffix} cannot hold it" for name in report.left_out]
    if report.damaged:
        notes.append(f"{source}: {report.damaged} damaged packets left out, {report.frames} pictures enhanced")
    return notes
