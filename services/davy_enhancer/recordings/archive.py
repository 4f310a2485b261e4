"""Enhance the recording of a camera and a range, and write it with a signed manifest. A stopped run continues."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from davy.adapters.recording.evidence import (
    Enhancement,
    ExportedFile,
    ExportManifest,
    exported_file,
    exported_segment,
    write_export,
)
from davy.adapters.recording.reader import write_mp4
from davy.atomic import write_atomic
from davy.domain.errors import ConfigError, NotFoundError, UnreadableError
from davy.domain.recording import Segment
from davy.domain.video import Variant
from davy.imaging.runtime import StillEnhancer
from davy.models.signing_key import Signer
from davy_enhancer.recordings.pools import WorkerPool
from davy_enhancer.recordings.segment import LEAD_IN_S, EnhancementSettings, SegmentResult, SegmentTask
from davy_enhancer.recordings.sources import SegmentSource

PLAN = "plan.json"
Progress = Callable[[int, int], None]
"""Called with the number of finished segments, and of all."""


@dataclass(frozen=True, slots=True)
class ArchiveRequest:
    """What is enhanced.

    Args:
        camera: edge.camera, or site/edge/camera of a folder of several sites.
        variant: Which recording is read.
        start: First moment.
        end: Last moment, exclusive.
        settings: How.
        per_segment: Write one MP4 per segment, instead of one of the range.
        reason: Why; it stands in the manifest.
        who: By whom.
    """

    camera: str
    variant: Variant
    start: datetime
    end: datetime
    settings: EnhancementSettings
    per_segment: bool
    reason: str
    who: str

    def plan(self) -> dict[str, object]:
        """What a run that continues must have in common with the one before."""
        settings = {"model": self.settings.model_sha256, "strength": self.settings.strength, "quality": self.settings.quality}
        return {"camera": self.camera, "variant": self.variant, **settings, "davy": version("davy")}


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """The result of a run.

    Args:
        enhanced: Segments that were enhanced, now or before.
        kept: Of these, segments that an earlier run had finished.
        failures: A sentence per segment that could not be enhanced; the archive lacks it.
    """

    enhanced: int
    kept: int
    failures: tuple[str, ...]


class ArchiveRun:
    """One run. Finished segments lie in the folder OUT.work until the archive is complete.

    Args:
        request: What.
        source: Where the segments come from.
        target: The ZIP; see `davy.adapters.recording.evidence`.
        key: Signs the manifest.
    """

    def __init__(self, request: ArchiveRequest, source: SegmentSource, target: Path, key: Signer) -> None:
        self._request, self._source, self._target, self._key = request, source, target, key
        self._work = target.with_name(f"{target.name}.work")
        self._failures: list[str] = []

    def run(self, pool: WorkerPool, progress: Progress = lambda _done, _all: None) -> ArchiveReport:
        """Enhance what is lacking, and write the archive.

        Raises:
            NotFoundError: nothing is recorded in the range, or nothing of it can be enhanced.
            ConfigError: another run was begun with this target.
            UnavailableError: the source does not answer; a later run continues.
            OSError: the disk fails.
        """
        request = self._request
        segments = self._source.segments(request.camera, request.variant, request.start, request.end)
        if not segments:
            raise NotFoundError(f"no {request.variant} recording of {request.camera} in this range")
        self._begin()
        done = [segment for segment in segments if self._path(segment).is_file()]
        progress(len(done), len(segments))
        for number, result in enumerate(pool.results(self._tasks(segments)), len(done) + 1):
            self._keep(result)
            progress(number, len(segments))
        made = [segment for segment in segments if self._path(segment).is_file()]
        if not made:
            raise NotFoundError(f"nothing of this recording can be enhanced: {self._failures[0]}")
        self._write(made)
        shutil.rmtree(self._work)
        return ArchiveReport(len(made), len(done), tuple(self._failures))

    def _begin(self) -> None:
        self._work.mkdir(parents=True, exist_ok=True)
        plan, path = json.dumps(self._request.plan(), indent=1).encode(), self._work / PLAN
        if not path.exists():
            write_atomic(path, plan)
        elif path.read_bytes() != plan:
            raise ConfigError(f"{self._work} holds a run with other options: continue it with the same ones, or remove it")

    def _tasks(self, segments: list[Segment]) -> Iterator[SegmentTask]:
        """Yield what is lacking; a segment is read when a worker is free for it."""
        last: tuple[Segment, bytes] | None = None
        for segment, before in zip(segments, [None, *segments[:-1]], strict=True):
            if self._path(segment).is_file():
                continue
            try:
                lead_in = self._lead_in(segment, before, last)
                last = (segment, self._source.read(segment))
            except UnreadableError as error:
                self._failures.append(f"{segment.path}: {error}")
                continue
            yield SegmentTask(segment, last[1], lead_in, self._request.settings)

    def _lead_in(
        self, segment: Segment, before: Segment | None, last: tuple[Segment, bytes] | None
    ) -> tuple[Segment, bytes] | None:
        """Return the segment that ends where another one begins; None where a gap or a damaged file is before it."""
        if before is None or (before.boot_id, before.last_seq + 1) != (segment.boot_id, segment.first_seq):
            return None
        if last is not None and last[0] == before:
            return last
        try:
            return before, self._source.read(before)
        except UnreadableError:
            return None

    def _keep(self, result: SegmentResult) -> None:
        if result.error:
            self._failures.append(f"{result.source.path}: {result.error}")
            return
        described = {"bytes": result.source.bytes, "model": result.source.model, "strength": result.source.strength}
        write_atomic(self._path(result.source).with_suffix(".json"), json.dumps(described).encode())
        write_atomic(self._path(result.source), result.data)  # the last: it says that the segment is done

    def _path(self, segment: Segment) -> Path:
        return self._work / f"{segment.start_ns}-{segment.sha256}.mp4"

    def _write(self, made: list[Segment]) -> None:
        """Write the archive beside its name, and move it there."""
        request, settings = self._request, self._request.settings
        model = StillEnhancer(settings.model).model
        enhanced = [replace(each, variant="enhanced", model=model, strength=settings.strength) for each in made]
        sources = [(after, self._path(before)) for before, after in zip(made, enhanced, strict=True)]
        recorded = [replace(each, **json.loads(self._path(each).with_suffix(".json").read_bytes())) for each in made]
        with tempfile.TemporaryDirectory(dir=self._work) as name:
            folder = Path(name)
            manifest = ExportManifest(
                site=made[0].camera.site,
                exported_by=request.who,
                exported_at=datetime.now(UTC),
                reason=request.reason,
                start_at=request.start,
                end_at=request.end,
                davy=version("davy"),
                files=tuple(self._files(folder, sources)),
                segments=tuple(exported_segment(each) for each in recorded),
                enhancement=Enhancement(
                    model=model,
                    model_sha256=settings.model_sha256,
                    strength=settings.strength,
                    quality=settings.quality,
                    lead_in_s=LEAD_IN_S,
                ),
            )
            write_export(folder / ".zip", folder, manifest, self._key)
            (folder / ".zip").replace(self._target)

    def _files(self, folder: Path, sources: Sequence[tuple[Segment, Path]]) -> Iterator[ExportedFile]:
        camera = sources[0][0].camera
        name = f"{camera.edge}.{camera.camera}-enhanced"
        if not self._request.per_segment:
            path = folder / f"{name}.mp4"
            write_mp4(path, sources, *(int(at.timestamp() * 1e9) for at in (self._request.start, self._request.end)))
            yield exported_file(path, camera.key, "enhanced")
            return
        for segment, file in sources:
            moment = datetime.fromtimestamp(segment.start_ns / 1e9, UTC)
            path = folder / f"{name}-{moment:%Y%m%dt%H%M%S}.{segment.start_ns // 1_000_000 % 1000:03d}z.mp4"
            path.hardlink_to(file)
            yield exported_file(path, camera.key, "enhanced", moment)
