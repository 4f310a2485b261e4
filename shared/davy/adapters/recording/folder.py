"""The finished segments of one folder, oldest first, within quotas. The names of the files are the index."""

import os
import shutil
import threading
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from pathlib import Path

from davy.adapters.recording.writer import PART, recover
from davy.domain.errors import DavyError, UnreadableVideoError
from davy.domain.recording import SUFFIX, Segment
from davy.telemetry import get_logger

log = get_logger(__name__)

DAMAGED = ".damaged"
RESERVE = 0.02  # of the disk stays free for everything else
MIN_RESERVE_BYTES, MAX_RESERVE_BYTES = 64_000_000, 5_000_000_000


class SegmentFolder:
    """Finished segments. Any thread may use it; every method may wait for the disk.

    Args:
        root: The folder.
        max_bytes: Quota of all segments. The oldest go first, also when the disk has less than a reserve free.
        max_age_s: Age at which a segment of a camera goes; 0 keeps it until bytes are short.
    """

    def __init__(self, root: Path, max_bytes: int, max_age_s: Callable[[Segment], float] = lambda _: 0.0) -> None:
        self.root, self._max_bytes, self._max_age_s = root, max_bytes, max_age_s
        self._lock = threading.Lock()
        self._segments: list[tuple[int, str, Segment]] = []
        self.bytes = 0

    def load(self) -> list[str]:
        """Read the folder, and finish what a killed process left. Return a sentence per file that was set aside."""
        self.root.mkdir(parents=True, exist_ok=True)
        set_aside = [reason for part in list(self._files(PART)) if (reason := self._recovered(part))]
        found = []
        for path in self._files(SUFFIX):
            try:
                found.append(segment_of(self.root, path))
            except (DavyError, OSError) as error:
                set_aside.append(set_aside_file(path, str(error)))
        with self._lock:
            self._segments = sorted((segment.start_ns, segment.path, segment) for segment in found)
            self.bytes = sum(segment.bytes for segment in found)
        return set_aside

    def _files(self, suffix: str) -> Iterator[Path]:
        for folder, _, names in os.walk(self.root):
            yield from (Path(folder, name) for name in names if name.endswith(suffix))

    def _recovered(self, part: Path) -> str:
        try:
            segment = recover(self.root, part)
        except (DavyError, OSError) as error:
            return set_aside_file(part, str(error))
        log.info("recording.recovered", file=part.name, packets=segment and segment.last_seq - segment.first_seq + 1)
        return ""

    def add(self, segment: Segment) -> None:
        """Take a finished segment into the index."""
        with self._lock:
            insort(self._segments, (segment.start_ns, segment.path, segment))
            self.bytes += segment.bytes

    def segments(self) -> list[Segment]:
        """Every segment, the oldest first."""
        with self._lock:
            return [segment for _, _, segment in self._segments]

    def remove(self, segment: Segment) -> None:
        """Delete a segment."""
        with self._lock:
            entry = (segment.start_ns, segment.path, segment)
            at = bisect_left(self._segments, entry)
            if at < len(self._segments) and self._segments[at] == entry:
                del self._segments[at]
                self.bytes -= segment.bytes
        (self.root / segment.path).unlink(missing_ok=True)

    def prune(self, now_ns: int | None = None) -> list[Segment]:
        """Delete segments over age, and the oldest ones over the quota or in the disk's reserve. Return them."""
        now_ns = now_ns or time.time_ns()
        gone = [each for each in self.segments() if 0 < self._max_age_s(each) < (now_ns - each.end_ns) / 1e9]
        for segment in gone:
            self.remove(segment)
        needed = self.excess_bytes()
        for segment in self.segments():
            if needed <= 0:
                break
            self.remove(segment)
            gone.append(segment)
            needed -= segment.bytes
        return gone

    def excess_bytes(self) -> int:
        """Bytes to be freed now: over the quota, or of the disk's reserve."""
        return max(self.bytes - self._max_bytes, missing_reserve(self.root))


def segment_of(root: Path, path: Path) -> Segment:
    """Read the segment of a file below root.

    Raises:
        InvalidInputError: it has another name.
        UnreadableVideoError: it is empty.
    """
    size = path.stat().st_size
    if not size:
        raise UnreadableVideoError(path.name, "it is empty")
    return Segment.parse(path.relative_to(root).as_posix(), size)


def missing_reserve(root: Path) -> int:
    """Return the bytes that the disk of a folder lacks for its reserve; negative if it has more."""
    usage = shutil.disk_usage(root)
    reserve = min(MAX_RESERVE_BYTES, max(MIN_RESERVE_BYTES, int(usage.total * RESERVE)), usage.total // 4)
    return reserve - usage.free


def set_aside_file(path: Path, reason: str) -> str:
    """Rename a damaged file. Return a sentence for a person."""
    kept = path.with_name(path.name + DAMAGED)
    path.replace(kept)
    log.error("recording.damaged", path=str(path), kept_as=kept.name, error=reason)
    return f"{path.name} was damaged ({reason[:200]}) and is kept as {kept.name}"
