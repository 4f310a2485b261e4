"""Standard input and output, pipes and devices as files: `-`, /dev/stdin, <(...). A file in a folder stands for each."""

import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from davy.adapters.media.images import sniff
from davy.adapters.media.listing import SNIFFED_BYTES, video_suffix
from davy.domain.errors import InvalidInputError

_folders: set[str] = set()  # of streams that are read and written now

STDIN, STDOUT = ("-", "/dev/stdin"), ("-", "/dev/stdout")


def is_stream(path: Path, ends: tuple[str, str]) -> bool:
    """Whether a path is standard input or output, a pipe, a socket or a device."""
    if str(path) in ends:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


@contextmanager
def staged(source: Path, target: Path, suffix: str) -> Iterator[tuple[Path, Path]]:
    """Yield files that stand for the source and the target of one enhancement where these are streams.

    Args:
        source: A file or a stream; a stream is read to its end.
        target: A file or a stream; a stream is written at the end, whole.
        suffix: Of the file that stands for the target; empty: the kind of the source.

    Raises:
        InvalidInputError: the stream holds neither picture nor video.
    """
    with _folder() as folder:
        if is_stream(source, STDIN):
            file = folder / "stdin"
            _receive(source, file)
            source = file
        if not is_stream(target, STDOUT):
            yield source, target
            return
        file = folder / f"stdout{suffix or suffix_of(source)}"
        yield source, file
        _send(file, target)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="davy-") as folder:
        _folders.add(folder)
        try:
            yield Path(folder)
        finally:
            _folders.discard(folder)


def remove_staged_files() -> None:
    """Remove what stands for streams that threads still read or write; only for a process that ends at once."""
    for folder in tuple(_folders):
        shutil.rmtree(folder, ignore_errors=True)


def suffix_of(path: Path) -> str:
    """The suffix under which the content of a file is written.

    Raises:
        InvalidInputError: it holds neither picture nor video.
    """
    with path.open("rb") as file:
        start = file.read(SNIFFED_BYTES)
    kind = sniff(start)
    suffix = kind.suffixes[0] if kind else video_suffix(start)
    if suffix is None:
        raise InvalidInputError(f"{path.name} is no picture or video" if start else f"{path.name} is empty")
    return suffix


def _receive(source: Path, file: Path) -> None:
    with file.open("wb") as copy:
        if str(source) in STDIN:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            return
        with source.open("rb") as stream:
            shutil.copyfileobj(stream, copy)


def _send(file: Path, target: Path) -> None:
    with file.open("rb") as whole:
        if str(target) in STDOUT:
            shutil.copyfileobj(whole, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with target.open("wb") as stream:
            shutil.copyfileobj(whole, stream)
