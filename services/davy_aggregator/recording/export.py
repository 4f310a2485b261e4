"""Exports of recordings: a ZIP of videos and pictures, with a signed manifest."""

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from davy.access.journal_keys import journal_folder, own_key
from davy.adapters.recording.evidence import (
    ExportedFile,
    ExportedSegment,
    ExportManifest,
    exported_file,
    exported_segment,
    write_export,
)
from davy.adapters.recording.reader import Source, picture_at, write_mp4
from davy.domain.camera import CameraAddress
from davy.domain.errors import NotFoundError, StorageFullError
from davy.domain.video import Variant
from davy_aggregator.recording.playback import Playback
from davy_aggregator.recording.service import Recordings

SECOND = 1_000_000_000
MAX_PICTURES = 10_000


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is exported.

    Args:
        cameras: Their addresses.
        variants: Which pictures.
        start_ns: Unix time in ns.
        end_ns: Unix time in ns, exclusive.
        pictures_every_s: Also JPEGs, one in so many seconds; 0 none.
        reason: Why.
        who: By whom.
    """

    cameras: tuple[CameraAddress, ...]
    variants: tuple[Variant, ...]
    start_ns: int
    end_ns: int
    pictures_every_s: float
    reason: str
    who: str


class Exporter:
    """Writes exports, and signs them with the key of the aggregator's journal.

    Args:
        recordings: The recordings.
        data: Data folder of the aggregator.
    """

    def __init__(self, recordings: Recordings, data: Path) -> None:
        self._recordings, self._keys = recordings, journal_folder(data)
        self._folder = Playback(recordings).folder

    async def export(self, request: ExportRequest) -> Path:
        """Write an export to a new file, which the caller deletes.

        Raises:
            NotFoundError: nothing is recorded of these cameras in the range.
            StorageFullError: the disk has no room for it.
            UnreadableVideoError: a segment is damaged.
        """
        return await asyncio.to_thread(self._export, request)

    def _export(self, request: ExportRequest) -> Path:
        feeds = [(camera, variant) for camera in request.cameras for variant in request.variants]
        found = {
            feed: sources
            for feed in feeds
            if (sources := self._recordings.sources(feed[0].key, feed[1], request.start_ns, request.end_ns))
        }
        if not found:
            raise NotFoundError("nothing is recorded of these cameras in this range")
        needed = 2 * sum(segment.bytes for sources in found.values() for segment, _ in sources)
        if needed + self._recordings.missing_reserve() > 0:
            raise StorageFullError(str(self._recordings.files.root), f"the export needs {needed} bytes for a while")
        with tempfile.TemporaryDirectory(dir=self._folder()) as name:
            folder, files, segments = Path(name), list[ExportedFile](), list[ExportedSegment]()
            for (camera, variant), sources in found.items():
                files += self._write(folder, camera, variant, sources, request)
                segments += [exported_segment(segment) for segment, _ in sources]
            with tempfile.NamedTemporaryFile(dir=self._folder(), suffix=".zip", delete=False) as file:
                target = Path(file.name)
            manifest = self._manifest(request, tuple(files), tuple(segments))
            try:
                write_export(target, folder, manifest, own_key(self._keys))
            except BaseException:
                target.unlink()
                raise
        return target

    def _write(
        self, folder: Path, camera: CameraAddress, variant: Variant, sources: list[Source], request: ExportRequest
    ) -> list[ExportedFile]:
        path = folder / f"{camera.edge}.{camera.camera}-{variant}.mp4"
        write_mp4(path, sources, request.start_ns, request.end_ns)
        files = [exported_file(path, camera.key, variant)]
        if not request.pictures_every_s:
            return files
        step_ns = max(int(request.pictures_every_s * SECOND), (request.end_ns - request.start_ns) // MAX_PICTURES)
        last_ns = 0
        for at_ns in range(request.start_ns, request.end_ns, max(1, step_ns)):
            source = next((each for each in sources if each[0].start_ns <= at_ns < each[0].end_ns), None)
            if source is None:
                continue
            jpeg, captured_ns = picture_at(source, at_ns)
            if captured_ns == last_ns:
                continue
            last_ns, moment = captured_ns, datetime.fromtimestamp(captured_ns / 1e9, UTC)
            picture = folder / f"{path.stem}-{moment:%Y%m%dt%H%M%S}.{captured_ns // 1_000_000 % 1000:03d}z.jpg"
            picture.write_bytes(jpeg)
            files.append(exported_file(picture, camera.key, variant, moment))
        return files

    def _manifest(
        self, request: ExportRequest, files: tuple[ExportedFile, ...], segments: tuple[ExportedSegment, ...]
    ) -> ExportManifest:
        return ExportManifest(
            site=self._recordings.site,
            exported_by=request.who,
            exported_at=datetime.now(UTC),
            reason=request.reason,
            start_at=datetime.fromtimestamp(request.start_ns / 1e9, UTC),
            end_at=datetime.fromtimestamp(request.end_ns / 1e9, UTC),
            davy=version("davy"),
            files=files,
            segments=segments,
        )
