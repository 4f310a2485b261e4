"""Recordings as HLS (RFC 8216): a playlist of a range whose segments are the recorded ones."""

import asyncio
import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

from cachetools import LRUCache

from davy.adapters.recording.cmaf import initialisation_of, media_of, sample_entry_of
from davy.domain.camera import CameraAddress
from davy.domain.errors import NotFoundError, UnreadableVideoError
from davy.domain.recording import Segment
from davy.domain.severity import Severity
from davy.domain.video import Variant
from davy_aggregator.recording.service import Recordings

SECOND = 1_000_000_000
INIT, MEDIA = "-init.mp4", ".m4s"
DIGITS = 16  # of a segment's SHA-256, in its name
KNOWN = 20_000  # segments whose initialisation is remembered: 100 bytes each


class RecordedHls:
    """Makes playlists and their segments. Use it on the event loop.

    Args:
        recordings: The recordings.
    """

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self._entries: LRUCache[str, bytes] = LRUCache(KNOWN)  # SHA-256 of a segment -> digest of its sample entry

    async def playlist(self, camera: CameraAddress, variant: Variant, start_ns: int, end_ns: int, query: str = "") -> str:
        """Return the playlist of a range.

        Args:
            camera: Its camera.
            variant: Which picture.
            start_ns: Unix time in ns.
            end_ns: Unix time in ns, exclusive.
            query: Put behind the names of segments.

        Raises:
            NotFoundError: nothing is recorded in it.
        """
        return await asyncio.to_thread(self._playlist, camera, variant, start_ns, end_ns, query)

    async def part(self, camera: CameraAddress, variant: Variant, start_ns: int, end_ns: int, name: str) -> bytes:
        """Return what a playlist of a range names: an initialisation, or a segment.

        Raises:
            NotFoundError: there is no such segment in the range, or it is damaged and was set aside.
        """
        return await asyncio.to_thread(self._part, camera, variant, start_ns, end_ns, name)

    def _playlist(self, camera: CameraAddress, variant: Variant, start_ns: int, end_ns: int, query: str) -> str:
        found = self._recordings.store.segments(camera.key, variant, start_ns, end_ns)
        segments = found[:1] + [after for before, after in pairwise(found) if not before.covers(after)]
        if not segments:
            raise NotFoundError(f"nothing is recorded of {camera.key} in this range")
        entries = self._sample_entries(segments)
        lengths = [_length_s(one, after) for one, after in zip(segments, [*segments[1:], None], strict=True)]
        lines = [
            "#EXTM3U",
            f"#EXT-X-VERSION:{7 if all(entries) else 8}",
            f"#EXT-X-TARGETDURATION:{math.ceil(max(lengths))}",
            "#EXT-X-PLAYLIST-TYPE:VOD",
            "#EXT-X-INDEPENDENT-SEGMENTS",
        ]
        if (skipped_s := (start_ns - segments[0].start_ns) / SECOND) > 0:
            lines.append(f"#EXT-X-START:TIME-OFFSET={skipped_s:.3f},PRECISE=YES")
        return "\n".join([*lines, *_listed(segments, entries, lengths, query), "#EXT-X-ENDLIST"]) + "\n"

    def _sample_entries(self, segments: list[Segment]) -> list[bytes]:
        """Return a digest of each segment's sample entry; empty for one that cannot be read."""
        unknown = [segment for segment in segments if segment.sha256 not in self._entries]
        read = dict[str, bytes]()
        for segment, head in zip(unknown, self._recordings.files.starts(unknown), strict=True):
            try:
                read[segment.sha256] = hashlib.sha256(sample_entry_of(segment, head)).digest()[:8]
            except UnreadableVideoError:
                continue
        known = {segment.sha256: self._entries.get(segment.sha256, b"") for segment in segments} | read
        self._entries.update(read)
        return [known[segment.sha256] for segment in segments]

    def _part(self, camera: CameraAddress, variant: Variant, start_ns: int, end_ns: int, name: str) -> bytes:
        for segment, file in self._recordings.sources(camera.key, variant, *_moment_of(name)):
            is_inside = segment.start_ns < end_ns and segment.end_ns > start_ns
            if not is_inside or name not in (_name(segment, INIT), _name(segment, MEDIA)):
                continue
            try:
                data = file if isinstance(file, bytes) else file.read_bytes()
                return initialisation_of(segment, data) if name.endswith(INIT) else media_of(segment, data)
            except (UnreadableVideoError, OSError) as error:
                reason = self._recordings.set_aside(segment, str(error))
                self._recordings.report_soon("recording-damaged", reason, Severity.WARNING)
                raise NotFoundError(f"the segment {name} is damaged: read the playlist again") from error
        raise NotFoundError(f"there is no segment {name} in this range: read the playlist again")


def _moment_of(name: str) -> tuple[int, int]:
    """Return the ns at which a named segment starts, as a range; an empty one for another name."""
    text = name.partition("-")[0]
    return (int(text), int(text) + 1) if text.isdecimal() and len(text) < 20 else (0, 0)


def _length_s(segment: Segment, after: Segment | None) -> float:
    until_ns = after.start_ns if after is not None and _continues(segment, after) else segment.end_ns
    return max(0.001, (until_ns - segment.start_ns) / SECOND)


def _continues(before: Segment, after: Segment) -> bool:
    """Return whether a segment has the packets that follow those before it."""
    return before.boot_id == after.boot_id and after.first_seq == before.last_seq + 1 and after.start_ns > before.start_ns


def _listed(segments: list[Segment], entries: list[bytes], lengths: list[float], query: str) -> Iterator[str]:
    before, present = None, b""
    for segment, entry, length_s in zip(segments, entries, lengths, strict=True):
        continues = before is not None and _continues(before, segment)
        if before is not None and (not continues or (entry and entry != present)):
            yield "#EXT-X-DISCONTINUITY"
        if entry and (entry != present or not continues):
            yield f'#EXT-X-MAP:URI="{_name(segment, INIT)}{query}"'
            present = entry
        if not entry:
            yield "#EXT-X-GAP"
        captured = datetime.fromtimestamp(segment.start_ns / SECOND, UTC).isoformat(timespec="milliseconds")
        yield f"#EXT-X-PROGRAM-DATE-TIME:{captured}"
        yield f"#EXTINF:{length_s:.3f},"
        yield f"{_name(segment, MEDIA)}{query}"
        before = segment


def _name(segment: Segment, ending: str) -> str:
    return f"{segment.start_ns}-{segment.sha256[:DIGITS]}{ending}"
