"""Plan of input and output files, for enhance_cli. `davy.files` processes them."""

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
class FileTask:
    """An input file and its output file."""

    source: Path
    target: Path


@dataclass(slots=True)
class Plan:
    """Files to enhance. kept: existing outputs. others: inputs that are neither image nor video."""

    tasks: list[FileTask] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def plan(source: Path, target: Path, overwrite: bool) -> Plan:
    """Plan a file to a file or a folder, or a folder with its subfolders to a folder. Names stay.

    Raises:
        InvalidInputError: source does not exist, or target does not fit it; the text names the remedy.
    """
    if not source.exists():
        raise InvalidInputError(f"{source} does not exist")
    if source.is_dir():
        if target.is_file():
            raise InvalidInputError(f"{source} is a folder, but {target} is a file: choose a folder for OUT")
        if target.resolve() == source.resolve():
            raise InvalidInputError("IN and OUT are the same folder, and the originals would be lost: choose another OUT")
        return _plan_folder(source, target, overwrite)
    if target.is_dir() or not target.suffix:
        target = target / (_output_name(source) or source.name)
    if target.exists() and target.samefile(source):
        raise InvalidInputError(f"IN and OUT are the same file, {source}, and the original would be lost: choose another OUT")
    if target.exists() and not overwrite:
        raise InvalidInputError(f"{target} exists: choose another OUT, or use --overwrite")
    if not _is_known(target):
        raise InvalidInputError(f"{target.name} has no supported suffix: use {_known()}")
    return Plan([FileTask(source, target)])


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
            found.tasks.append(FileTask(path, goal))
    return found


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a free name, with a number before its suffix if another file has the name."""
    head, dot, ending = name.rpartition(".")
    names = (name, *(f"{head}-{number}{dot}{ending}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def _is_housekeeping(relative: Path) -> bool:
    """Return whether the path is hidden, or a folder of a storage device or an archiver."""
    return any(name.startswith((".", "@eaDir", "#recycle", "#snapshot", "__MACOSX")) for name in relative.parts)


def _output_name(path: Path) -> str | None:
    """Return the output name: the input name, plus a suffix if its own cannot be written.

    Returns:
        None for a file that is neither image nor video.
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


def enhance_file(
    task: FileTask, still: StillEnhancer, options: OutputOptions, progress: Progress = lambda _: None
) -> list[str]:
    """Enhance one file.

    Returns:
        Warnings, such as omitted streams.

    Raises:
        InvalidInputError: the file is unreadable, or its content does not fit the output suffix.
        OSError: a file cannot be read or written.
    """
    return list(files.enhance_file(task.source, task.target, still, options, progress).warnings)
