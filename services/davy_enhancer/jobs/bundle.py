"""A zip of pictures and videos to a zip of enhanced ones. No name in an archive ever becomes a path on disk."""

import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from davy.adapters.media.images import ImageFormat, decode, encode, left_out, sniff
from davy.adapters.media.listing import SNIFFED_BYTES, is_housekeeping, video_suffix
from davy.domain.errors import DavyError, InvalidInputError
from davy.files import OutputOptions, enhance_picture
from davy.imaging.runtime import StillEnhancer
from davy_enhancer.files import Errand, enhance_file, free_name, is_video, written_name

MAX_MEMBERS = 20_000
COPY_BYTES = 1 << 20
# A member that is damaged, encrypted, or packed in a way that Python's zipfile does not know.
_FOREIGN_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError)


@dataclass(frozen=True, slots=True)
class Limits:
    """max_bytes: of all members unpacked; max_picture_bytes: of one picture's file."""

    max_bytes: int
    max_picture_bytes: int
    max_pixels: int


@dataclass(slots=True)
class Outcome:
    """failures: what could not be done; notes: what is worth knowing of the rest; skipped: hidden files and the like."""

    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: int = 0


def enhance_archive(
    source: Path, target: Path, still: StillEnhancer, look: OutputOptions, limits: Limits, progress: Callable[[float], None]
) -> Outcome:
    """Enhance every picture and video of an archive, names kept.

    Returns:
        One line for each member that could not be done, and for each note on one that was.

    Raises:
        InvalidInputError: no zip, or one that unpacks to more than the limits.
    """
    outcome = Outcome()
    try:
        with zipfile.ZipFile(source) as reader, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as writer:
            every = _members(reader, limits)
            members = [member for member in every if not is_housekeeping(PurePosixPath(member.filename))]
            outcome.skipped = len(every) - len(members)
            seen: set[str] = set()
            for number, member in enumerate(members):
                try:
                    _check_name(member.filename, seen)
                    notes = _enhance_member(reader, writer, member, target.parent, still, look, limits)
                    outcome.notes += [f"{member.filename}: {note}" for note in notes]
                except (DavyError, *_FOREIGN_ERRORS) as error:
                    outcome.failures.append(f"{member.filename}: {error}")
                progress((number + 1) / len(members))
    except zipfile.BadZipFile as error:
        raise InvalidInputError(f"the zip archive cannot be read: {error}") from error
    if outcome.skipped:
        outcome.notes.append(f"{outcome.skipped} hidden files, or files of a system, were skipped")
    return outcome


def _members(reader: zipfile.ZipFile, limits: Limits) -> list[zipfile.ZipInfo]:
    members = [member for member in reader.infolist() if not member.is_dir()]
    if len(members) > MAX_MEMBERS:
        raise InvalidInputError(f"the archive holds {len(members):,} files: send at most {MAX_MEMBERS:,} at once")
    unpacked = sum(member.file_size for member in members)  # zipfile reads no more of a member than it declares
    if unpacked > limits.max_bytes:
        raise InvalidInputError(f"the archive unpacks to {unpacked:,} bytes: at most {limits.max_bytes:,} are taken")
    return members


def _check_name(name: str, seen: set[str]) -> None:
    """The result passes names on: to someone whose unpacking may believe them."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not name.isprintable():
        raise InvalidInputError("its name leads out of the archive, or has characters that no name should have")
    if name in seen:
        raise InvalidInputError("the archive holds two files of this name; the first one is enhanced")
    seen.add(name)


def _enhance_member(
    reader: zipfile.ZipFile,
    writer: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    folder: Path,
    still: StillEnhancer,
    look: OutputOptions,
    limits: Limits,
) -> tuple[str, ...]:
    name = written_name(member.filename)
    kind = ImageFormat.of(Path(name))
    if kind is None and not is_video(Path(name)):
        with reader.open(member) as packed:
            start = packed.read(SNIFFED_BYTES)
        kind = sniff(start)
        suffix = kind.suffixes[0] if kind else video_suffix(start)
        if suffix is None:
            raise InvalidInputError("it is no picture or video")
        name += suffix
    if name != member.filename:
        name = free_name(name, {*reader.namelist(), *writer.namelist()})
    if kind is None:
        return _enhance_video(reader, writer, member, name, folder, still, look)
    if member.file_size > limits.max_picture_bytes:
        raise InvalidInputError(f"a picture of {member.file_size:,} bytes is too large: at most {limits.max_picture_bytes:,}")
    picture = decode(reader.read(member), tuple(ImageFormat), limits.max_pixels)
    enhanced = enhance_picture(still, picture, look.strength)
    writer.writestr(name, encode(enhanced, kind, look.quality))
    return (*picture.notes, *left_out(enhanced, kind))


def _enhance_video(
    reader: zipfile.ZipFile,
    writer: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    name: str,
    folder: Path,
    still: StillEnhancer,
    look: OutputOptions,
) -> tuple[str, ...]:
    errand = Errand(folder / f"member{Path(member.filename).suffix}", folder / f"member-enhanced{Path(name).suffix}")
    try:
        with reader.open(member) as packed, errand.source.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, COPY_BYTES)
        notes = enhance_file(errand, still, look)
        writer.write(errand.target, name)
        return tuple(note.removeprefix(f"{errand.source}: ") for note in notes)
    finally:
        errand.source.unlink(missing_ok=True)
        errand.target.unlink(missing_ok=True)
