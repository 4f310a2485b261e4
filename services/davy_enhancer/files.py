"""Files on disk: which file becomes which. The command line around it is enhance_cli; the work is in davy.files."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from davy import files
from davy.adapters.media import video
from davy.adapters.media.images import ImageFormat, sniff
from davy.domain.errors import InvalidInputError
from davy.files import OutputOptions, Progress
from davy.imaging.runtime import StillEnhancer


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
        target = target / (_output_name(source) or source.name)
    if target.exists() and target.samefile(source):
        raise InvalidInputError(f"IN and OUT are one file, {source}: the original would be lost; name another for OUT")
    if target.exists() and not overwrite:
        raise InvalidInputError(f"{target} exists: name another, or say --overwrite")
    if not _is_known(target):
        raise InvalidInputError(f"{target.name} is no name that says what to write: end it with {_known()}")
    return Plan([Errand(source, target)])


def _plan_folder(source: Path, target: Path, overwrite: bool) -> Plan:
    found = Plan()
    paths = [path for path in sorted(source.rglob("*")) if path.is_file() and not path.is_relative_to(target)]
    inputs = {path for path in paths if not _is_housekeeping(path.relative_to(source))}
    taken = {str(path) for path in inputs}
    for path in sorted(inputs):
        name = _output_name(path)
        if name is None:
            found.others.append(path)
            continue
        named = path.with_name(name) if name == path.name else Path(free_name(str(path.with_name(name)), taken))
        taken.add(str(named))
        goal = target / named.relative_to(source)
        if goal.exists() and not overwrite:
            found.kept.append(goal)
        else:
            found.errands.append(Errand(path, goal))
    return found


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name, with a number before its ending where another file has it."""
    head, dot, ending = name.rpartition(".")
    names = (name, *(f"{head}-{number}{dot}{ending}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def _is_housekeeping(relative: Path) -> bool:
    """Hidden files and folders, and those that storage devices and archivers make for themselves."""
    return any(part.startswith((".", "@eaDir", "#recycle", "#snapshot", "__MACOSX")) for part in relative.parts)


def _output_name(path: Path) -> str | None:
    """The name of the output: that of the input, with an ending added where its own cannot be written.

    Returns:
        None for a file that is neither picture nor video.
    """
    if _is_known(path):
        return path.name
    if path.suffix.lower() in video.READ_ONLY_SUFFIXES:
        return f"{path.name}.mp4"
    try:
        with path.open("rb") as file:
            kind = sniff(file.read(16))
    except OSError:
        return None
    return None if kind is None else path.name + kind.suffixes[0]


def _is_known(path: Path) -> bool:
    return is_video(path) or ImageFormat.of(path) is not None


def is_video(path: Path) -> bool:
    return path.suffix.lower() in video.SUFFIXES


def _known() -> str:
    return ", ".join([kind.suffixes[0] for kind in ImageFormat] + list(video.SUFFIXES))


def enhance_file(errand: Errand, still: StillEnhancer, look: OutputOptions, progress: Progress = lambda _: None) -> list[str]:
    """Enhance one file.

    Returns:
        Warnings, such as streams that were left out; mostly none.

    Raises:
        InvalidInputError: the file cannot be read, or its content cannot be written under the target's suffix.
        OSError: a file cannot be read or written.
    """
    return list(files.enhance_file(errand.source, errand.target, still, look, progress).warnings)
