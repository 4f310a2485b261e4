"""Recordings enhanced again: from a folder, with real H.264 and the shipped network."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest
from tests.davy_aggregator.recording.test_recordings import fill_ring
from tests.davy_aggregator.rest.test_recordings import with_recording
from typer.testing import CliRunner

from davy.access.journal_keys import known_keys, own_key
from davy.adapters.recording.evidence import verify_export
from davy.domain.errors import ConfigError, NotFoundError
from davy.imaging.runtime import shipped_model
from davy_cli import recordings as command
from davy_enhancer.recordings.archive import ArchiveRequest, ArchiveRun
from davy_enhancer.recordings.pools import ProcessPool
from davy_enhancer.recordings.segment import EnhancementSettings, SegmentResult, SegmentTask, enhance_segment
from davy_enhancer.recordings.sources import AggregatorSource, FolderSource

pytestmark = pytest.mark.system

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
SETTINGS = EnhancementSettings(shipped_model().read_bytes(), 0.5, 23)
REQUEST = ArchiveRequest("north.face", "raw", START, END, SETTINGS, False, "the inspector asked", "anna")


class Here:
    """Computes in this process, and ends after some tasks as a killed one does."""

    def __init__(self, most: int = 100) -> None:
        self.most, self.sources = most, []

    def results(self, tasks: Iterable[SegmentTask]) -> Iterator[SegmentResult]:
        for task in tasks:
            if len(self.sources) == self.most:
                raise KeyboardInterrupt
            self.sources.append(task.segment.first_seq)
            yield enhance_segment(task)


@pytest.fixture
def folder(tmp_path) -> Path:
    """25 s of raw video in three segments, 4 pictures per second."""
    fill_ring(tmp_path / "rec", 100, fps=4, gop=4, variant="raw", model="", strength=0.0)
    return tmp_path / "rec"


def run_of(folder: Path, target: Path, request: ArchiveRequest = REQUEST) -> ArchiveRun:
    return ArchiveRun(request, FolderSource(str(folder)), target, own_key(target.parent / "keys"))


def luma(data: bytes) -> list[float]:
    with av.open(io.BytesIO(data)) as container:
        return [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]


def test_every_picture_is_enhanced_and_the_manifest_says_by_what(folder, tmp_path):
    target, seen = tmp_path / "out.zip", []
    report = run_of(folder, target).run(Here(), lambda done, total: seen.append((done, total)))
    manifest, _ = verify_export(target, known_keys(tmp_path / "keys"))
    with zipfile.ZipFile(target) as archive:
        data = archive.read("north.face-enhanced.mp4")
    assert (report.enhanced, report.kept, report.failures) == (3, 0, ())
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    raw = [level for path in sorted(folder.rglob("*.mp4")) for level in luma(path.read_bytes())]
    assert len(luma(data)) == len(raw) == 100
    assert sum(luma(data)[:30]) > sum(raw[:30]) + 30  # the dark ones became brighter
    assert manifest.enhancement.model_sha256 == SETTINGS.model_sha256
    assert manifest.enhancement.strength == 0.5
    assert [(each.first_seq, each.variant, each.model) for each in manifest.segments] == [
        (1, "raw", ""),
        (41, "raw", ""),
        (81, "raw", ""),
    ]
    assert not (tmp_path / "out.zip.work").exists()


def test_a_stopped_run_continues_and_gives_the_same_bytes(folder, tmp_path):
    stopped, whole = Here(1), Here()
    with pytest.raises(KeyboardInterrupt):
        run_of(folder, tmp_path / "a.zip").run(stopped)
    with pytest.raises(ConfigError, match="other options"):
        run_of(folder, tmp_path / "a.zip", replace(REQUEST, settings=replace(SETTINGS, strength=0.7))).run(Here())
    rest = Here()
    assert run_of(folder, tmp_path / "a.zip").run(rest).kept == 1
    run_of(folder, tmp_path / "b.zip").run(whole)
    assert (stopped.sources, rest.sources, whole.sources) == ([1], [41, 81], [1, 41, 81])
    videos = [zipfile.ZipFile(tmp_path / name).read("north.face-enhanced.mp4") for name in ("a.zip", "b.zip")]
    assert videos[0] == videos[1]


def test_a_damaged_segment_is_reported_and_the_rest_is_enhanced(folder, tmp_path):
    sorted(folder.rglob("*.mp4"))[1].write_bytes(b"damaged")
    report = run_of(folder, tmp_path / "out.zip", replace(REQUEST, per_segment=True)).run(Here())
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".mp4")]
        assert [len(luma(archive.read(name))) for name in names] == [40, 20]
    assert names == [f"north.face-enhanced-20260101t0000{second}.000z.mp4" for second in ("00", "20")]
    assert len(report.failures) == 1
    assert "its hash is another one" in report.failures[0]
    with pytest.raises(NotFoundError):
        run_of(folder, tmp_path / "none.zip", replace(REQUEST, start=END, end=END.replace(hour=1))).run(Here())


async def test_an_aggregator_gives_its_recordings_over_rest(tmp_path):
    import asyncio

    async with with_recording(tmp_path, count=120) as aggregator:

        def run():
            with AggregatorSource.opened(aggregator.http, None) as source:
                request = replace(REQUEST, variant="enhanced")
                return ArchiveRun(request, source, tmp_path / "out.zip", own_key(tmp_path / "keys2")).run(Here())

        report = await asyncio.to_thread(run)
    manifest, _ = verify_export(tmp_path / "out.zip", known_keys(tmp_path / "keys2"))
    assert report.failures == ()
    assert [each.model for each in manifest.segments] == ["first", "first"]


@pytest.mark.slow
def test_the_command_enhances_by_processes_and_verifies(folder, tmp_path):
    local = [at.astimezone().strftime("%Y-%m-%dT%H:%M:%S") for at in (START, END)]
    words = ["north.face", str(tmp_path / "out.zip"), "--since", local[0], "--until", local[1], "--reason", "roof"]
    words += ["--recordings", str(folder), "--keys", str(tmp_path / "keys"), "--processes", "2", "--strength", "0.5"]
    made = CliRunner().invoke(command.app, ["enhance", *words])
    assert made.exit_code == 0, made.output
    assert "3 segments enhanced, 0 failed" in made.output
    verified = CliRunner().invoke(command.app, ["verify", str(tmp_path / "out.zip"), "--keys", str(tmp_path / "keys")])
    assert SETTINGS.model_sha256 in verified.output
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert json.loads(archive.read("manifest.json"))["enhancement"]["strength"] == 0.5


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_processes_and_a_ray_cluster_give_the_same_bytes(folder, tmp_path):
    pytest.importorskip("ray", reason="pip install 'davy[ray]'")
    from davy_enhancer.recordings.ray_pool import RayPool

    with ProcessPool(2) as pool:
        run_of(folder, tmp_path / "a.zip").run(pool)
    with RayPool("local") as cluster:
        run_of(folder, tmp_path / "b.zip").run(cluster)
    videos = [zipfile.ZipFile(tmp_path / name).read("north.face-enhanced.mp4") for name in ("a.zip", "b.zip")]
    assert videos[0] == videos[1]
