"""Plan of input and output files, for enhance_cli. `davy.files` processes them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from davy import files
from davy.adapters.media import video
from davy.adapters.media.images import ImageFormat
from davy.adapters.media.listing import is_housekeeping
from davy.domain.errors import InvalidInputError
from davy.files import OutputOptions, Progress
from davy.imaging.runtime import StillEnhancer
from davy_enhancer.pipes import STDIN, STDOUT, is_stream, staged, suffix_of


@dataclass(frozen=True, slots=True)
class FileTask:
    """An input file and its output file."""

    source: Path
    target: Path
    suffix: str = ""  # of a target that is a stream; empty: the kind of the source


@dataclass(slots=True)
class Plan:
    """Plan of one run.

    Args:
        tasks: Files to enhance.
        kept: Existing outputs.
        others: Inputs that are neither image nor video.
        skipped: Number of hidden files and of files of storage devices and systems.
    """

    tasks: list[FileTask] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    skipped: int = 0


def plan(sources: Sequence[Path], target: Path, overwrite: bool, suffix: str = "") -> Plan:
    """Plan a file to a file, or files and folders with their subfolders to a folder. Names stay.

    Args:
        sources: At least one.
        target: A folder, if there are several sources.
        overwrite: Replace existing outputs.
        suffix: Suffix of the outputs in a folder; empty: that of each input.

    Raises:
        InvalidInputError: a source does not exist, or target does not fit; the text names the remedy.
    """
    if suffix and not _is_known(Path(f"a{suffix}")):
        raise InvalidInputError(f"no format {suffix[1:]!r}: choose one of {_known().replace('.', '')}")
    if len(sources) == 1 and not sources[0].is_dir():
        return _plan_file(sources[0], target, overwrite, suffix)
    if target.is_file() or (len(sources) > 1 and _is_known(target) and not target.is_dir()):
        raise InvalidInputError(f"{target} is a file: choose a folder for OUT")
    found, taken = Plan(), set[Path]()
    for source in sources:
        if not source.exists():
            raise InvalidInputError(f"{source} does not exist")
        if target.resolve() == (source if source.is_dir() else source.parent).resolve():
            raise InvalidInputError("IN and OUT are the same folder, and the originals would be lost: choose another OUT")
        below = target / source.name if source.is_dir() and len(sources) > 1 else target
        _plan_folder(found, source, below, overwrite, suffix, taken)
    return found


def _plan_file(source: Path, target: Path, overwrite: bool, suffix: str) -> Plan:
    if is_stream(source, STDIN) or is_stream(target, STDOUT):
        return _plan_stream(source, target, overwrite, suffix)
    if not source.exists():
        raise InvalidInputError(f"{source} does not exist")
    if target.is_dir() or not target.suffix:
        target = target / (_output_name(source, suffix) or source.name)
    if target.exists() and target.samefile(source):
        raise InvalidInputError(f"IN and OUT are the same file, {source}, and the original would be lost: choose another OUT")
    return _checked(source, target, overwrite)


def _plan_stream(source: Path, target: Path, overwrite: bool, suffix: str) -> Plan:
    if not is_stream(source, STDIN) and not source.is_file():
        raise InvalidInputError(f"{source} does not exist")
    if is_stream(target, STDOUT):
        return Plan([FileTask(source, target, suffix)])
    if target.is_dir():
        raise InvalidInputError(f"{target} is a folder: choose a file for OUT, since standard input has no name")
    return _checked(source, target, overwrite)


def _checked(source: Path, target: Path, overwrite: bool) -> Plan:
    if target.exists() and not overwrite:
        raise InvalidInputError(f"{target} exists: choose another OUT, or use --overwrite")
    if not _is_known(target):
        raise InvalidInputError(f"{target.name} has no supported suffix: use {_known()}")
    return Plan([FileTask(source, target)])


def _plan_folder(found: Plan, source: Path, target: Path, overwrite: bool, suffix: str, taken: set[Path]) -> None:
    """Add what is below a folder, or one file, to a plan."""
    inputs = [source]
    if source.is_dir():
        paths = [path for path in sorted(source.rglob("*")) if path.is_file() and not path.is_relative_to(target)]
        inputs = [path for path in paths if not is_housekeeping(path.relative_to(source))]
        found.skipped += len(paths) - len(inputs)
    root = source if source.is_dir() else source.parent
    own = {target / path.relative_to(root) for path in inputs}
    for path in inputs:
        name = _output_name(path, suffix)
        if name is None:
            found.others.append(path)
            continue
        goal = target / path.relative_to(root).with_name(name)
        if goal in taken or (name != path.name and goal in own):
            goal = Path(free_name(str(goal), {str(each) for each in taken | own}))
        taken.add(goal)
        if goal.exists() and not overwrite:
            found.kept.append(goal)
        else:
            found.tasks.append(FileTask(path, goal))


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a free name, with a number before its suffix if another file has the name."""
    head, dot, ending = name.rpartition(".")
    names = (name, *(f"{head}-{number}{dot}{ending}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def _output_name(path: Path, suffix: str = "") -> str | None:
    """Return the output name: the input name, plus a suffix if its own cannot be written.

    Args:
        suffix: The ending that is asked for; empty: none.

    Returns:
        None for a file that is neither image nor video.
    """
    written = written_name(path.name) if _is_known(Path(written_name(path.name))) else None
    if written is None:
        try:
            written = path.name + suffix_of(path)
        except (OSError, InvalidInputError):
            return None
    changes = suffix and is_video(Path(written)) == is_video(Path(f"a{suffix}"))  # --format jpg is not meant for videos
    return f"{Path(written).stem}{suffix}" if changes else written


def written_name(name: str) -> str:
    """The name under which a video with an ending that is only read is written."""
    return f"{name}.mp4" if Path(name).suffix.lower() in video.READ_ONLY_SUFFIXES else name


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
    with staged(task.source, task.target, task.suffix) as (source, target):
        warnings = files.enhance_file(source, target, still, options, progress).warnings
    return [line.replace(str(source), str(task.source)) for line in warnings]
