"""Where an aggregator's finished segments are: a folder, or an object storage with a folder for what is being written."""

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from davy.adapters.recording.cmaf import HEAD_BYTES
from davy.adapters.recording.folder import segment_of, set_aside_file
from davy.adapters.recording.writer import PART, first_packet, recover
from davy.adapters.storage.object_files import ObjectFiles
from davy.domain.errors import DavyError
from davy.domain.recording import SUFFIX, Segment
from davy.domain.secret_url import SecretUrl
from davy.telemetry import get_logger

log = get_logger(__name__)

KEPT_S = 86_400
PARTIAL = ".incoming"  # the folder of segments that an edge is sending


class RecordingFiles:
    """The files of finished segments. Calls block and may come from any thread.

    Args:
        root: The local folder.
        remote: s3://bucket/recordings and the like: finished segments go there.

    Raises:
        ConfigError: no installed file system opens the URL.
    """

    def __init__(self, root: Path, remote: SecretUrl | None = None) -> None:
        self.root, self._remote = root, ObjectFiles(remote) if remote else None
        self.incoming = root / PARTIAL

    @property
    def is_remote(self) -> bool:
        """Whether finished segments go to an object storage."""
        return self._remote is not None

    def start(self, since_ns: int) -> tuple[list[Segment], list[str]]:
        """Finish what a killed process left.

        Args:
            since_ns: Unix time in ns of the newest segment that the index has; 0 without any.

        Returns:
            Segments since the day before, or all of them that wait for the object storage, and a sentence per file that was set
            aside.
        """
        self.incoming.mkdir(parents=True, exist_ok=True)
        self._tidy()
        reasons = [reason for part in list(self.root.glob(f"*/*/*/*/*{PART}")) if (reason := self._recovered(part))]
        found = []
        for path in list(self._files_since(0 if self._remote else since_ns)):
            try:
                found.append(segment_of(self.root, path))
            except (DavyError, OSError) as error:
                reasons.append(set_aside_file(path, str(error)))
        return found, reasons

    def _tidy(self) -> None:
        """Delete files that a killed process was making, and parts of segments that no edge has offered for a day."""
        for path in list(self.incoming.iterdir()):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix or time.time() - path.stat().st_mtime > KEPT_S:
                path.unlink(missing_ok=True)

    def _recovered(self, part: Path) -> str:
        try:
            recover(self.root, part)
        except (DavyError, OSError) as error:
            return set_aside_file(part, str(error))
        return ""

    def _files_since(self, since_ns: int) -> Iterator[Path]:
        day = f"{datetime.fromtimestamp(max(0.0, since_ns / 1e9 - 86_400), UTC):%Y%m%d}"
        for folder in self.root.glob("*/*/*/*/*"):
            if folder.is_dir() and folder.name >= day:
                yield from folder.glob(f"*{SUFFIX}")

    def described(self, segment: Segment) -> Segment:
        """Return a segment with the model and the strength that its local file tells.

        Raises:
            UnreadableVideoError: it is damaged.
        """
        path = self.root / segment.path
        if segment.model or segment.variant == "raw" or not path.is_file():
            return segment
        told = first_packet(path)
        return replace(segment, model=told.model, strength=told.strength)

    def put(self, segment: Segment) -> None:
        """Move a finished segment from the local folder to the object storage, if there is one.

        Raises:
            RegistryUnavailableError: the storage fails; the segment stays in the local folder.
        """
        if self._remote is not None:
            path = self.root / segment.path
            if not path.is_file():
                return  # it is there already
            self._remote.write(segment.path, path.read_bytes())
            try:
                path.unlink()
            except FileNotFoundError:  # it was deleted meanwhile
                self._remote.remove(segment.path)

    def source(self, segment: Segment) -> Path | bytes:
        """Return the file of a segment, or its content; a path that does not exist if it is gone."""
        path = self.root / segment.path
        if self._remote is None or path.is_file():
            return path
        return self._remote.read(segment.path) or path

    def starts(self, segments: Sequence[Segment]) -> list[bytes]:
        """Return the first HEAD_BYTES of each file; empty for a file that cannot be read."""
        local = {segment.path: _start(self.root / segment.path) for segment in segments}
        absent = [path for path, data in local.items() if not data] if self._remote is not None else []
        if self._remote is not None:
            local |= dict(zip(absent, self._remote.read_starts(absent, HEAD_BYTES), strict=True))
        return [local[segment.path] for segment in segments]

    def remove(self, segment: Segment) -> None:
        """Delete a segment."""
        path = self.root / segment.path
        path.unlink(missing_ok=True)
        if self._remote is not None:
            self._remote.remove(segment.path)

    def set_aside(self, segment: Segment, reason: str) -> str:
        """Set a damaged segment aside. Return a sentence for a person."""
        path = self.root / segment.path
        return set_aside_file(path, reason) if path.is_file() else f"{path.name} is missing"


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""
