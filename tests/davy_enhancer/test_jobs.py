"""Whole videos and archives, over a real socket."""

import asyncio
import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import av
import httpx
import pytest
from PIL import Image

pytestmark = pytest.mark.system

FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg makes the video of this test")


def make_video(path: Path, seconds: int = 1, size: str = "160x120") -> bytes:
    sources = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration={seconds}"]
    sources += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
    subprocess.run([str(FFMPEG), "-v", "error", *sources, "-preset", "ultrafast", "-c:a", "aac", str(path)], check=True)
    return path.read_bytes()


def make_g711(path: Path) -> None:
    """Sound as recorders of cameras have it; FFmpeg writes it to Matroska only as a copy."""
    sources = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1", "-f", "lavfi", "-i", "sine=duration=1"]
    words = [str(FFMPEG), "-v", "error", *sources, "-c:a", "pcm_alaw", "-ar", "8000", str(path.with_suffix(".mov"))]
    subprocess.run(words, check=True)
    subprocess.run([str(FFMPEG), "-v", "error", "-i", str(path.with_suffix(".mov")), "-c", "copy", str(path)], check=True)


def archive_of(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def paths_below(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*")]


async def send(service, body: bytes, **parameters: object) -> httpx.Response:
    return await service.http.post("/v1/jobs", content=body, params=parameters)


async def finished(service, answer: httpx.Response) -> dict[str, object]:
    assert answer.status_code == 202, answer.text
    async with service.http.stream("GET", answer.json()["links"]["events"]) as events:
        lines = [line async for line in events.aiter_lines()]
    reply = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert [job["progress"] for job in reply] == sorted(job["progress"] for job in reply)
    return reply[-1]


async def result(service, job: dict[str, object]) -> bytes:
    answer = await service.http.get(job["links"]["result"])
    assert answer.status_code == 200
    return answer.content


@needs_ffmpeg
async def test_a_video_comes_back_with_its_sound(service, tmp_path: Path):
    answer = await send(service, make_video(tmp_path / "a.mp4"), name="shift 3.mp4")
    assert answer.headers["location"] == answer.json()["links"]["self"]
    job = await finished(service, answer)
    assert (job["state"], job["failures"], job["detail"]) == ("done", [], "")
    fetched = await service.http.get(job["links"]["result"])
    assert (
        "filename*=" in fetched.headers["content-disposition"]
        or "shift 3-enhanced.mp4" in fetched.headers["content-disposition"]
    )
    with av.open(io.BytesIO(fetched.content)) as reader:
        assert len(list(reader.decode(video=0))) == 10
        assert reader.streams.audio[0].codec_context.name == "aac"


async def test_an_archive_is_enhanced_and_names_failed_files(service, dark: Image.Image, dark_jpeg: bytes, save):
    members = {"a.jpg": dark_jpeg, "shaft/b.png": save(dark, "PNG"), "c.jpg": dark_jpeg[:-300], "notes.txt": b"hello"}
    job = await finished(service, await send(service, archive_of(**members), name="night.zip"))
    assert job["state"] == "done"
    assert [line.split(":")[0] for line in job["failures"]] == ["c.jpg", "notes.txt"]
    with zipfile.ZipFile(io.BytesIO(await result(service, job))) as archive:
        assert archive.namelist() == ["a.jpg", "shaft/b.png"]
        assert Image.open(io.BytesIO(archive.read("shaft/b.png"))).size == dark.size


async def test_notes_on_what_was_done_are_no_failures_and_hidden_members_are_skipped(service, dark_jpeg: bytes):
    members = {"a.jpg": dark_jpeg[:-2], "__MACOSX/._a.jpg": b"\0\5\x16\7", ".DS_Store": b"\0", "shaft/Thumbs.db": b"\xd0"}
    job = await finished(service, await send(service, archive_of(**members), name="night.zip"))
    assert (job["state"], job["failures"]) == ("done", [])
    assert job["notes"] == [
        "a.jpg: the file lacks its end marker; its picture is complete",
        "3 hidden or system files skipped",
    ]
    with zipfile.ZipFile(io.BytesIO(await result(service, job))) as archive:
        assert archive.namelist() == ["a.jpg"]


@needs_ffmpeg
async def test_a_video_tells_what_was_changed_in_its_notes(service, tmp_path: Path):
    make_g711(tmp_path / "a.mkv")
    job = await finished(service, await send(service, (tmp_path / "a.mkv").read_bytes(), name="a.mkv"))
    assert (job["failures"], job["notes"]) == ([], ["a.mkv: audio pcm_alaw converted to pcm_s16le"])


@pytest.mark.parametrize("name", ["../../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:evil.jpg"])
async def test_a31_f21_no_name_of_an_archive_leads_out_of_it(service, dark_jpeg: bytes, name: str, tmp_path: Path):
    job = await finished(service, await send(service, archive_of(**{name: dark_jpeg, "good.jpg": dark_jpeg}), name="a.zip"))
    assert len(job["failures"]) == 1
    with zipfile.ZipFile(io.BytesIO(await result(service, job))) as archive:
        assert archive.namelist() == ["good.jpg"]
    assert not any("evil" in path for path in paths_below(tmp_path))


async def test_a31_f15_an_archive_that_unpacks_to_too_much_fails_before_it_is_unpacked(start_service):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(30_000_000))
    async with start_service(jobs_upload_bytes=10_000_000) as service:
        job = await finished(service, await send(service, buffer.getvalue(), name="bomb.zip"))
        assert (job["state"], "30,000,000" in job["detail"]) == ("failed", True)
        assert (await service.http.get(f"/v1/jobs/{job['id']}/result")).status_code == 409


@pytest.mark.parametrize("body", [b"", b"hello", bytes(1000)])
@pytest.mark.parametrize("name", ["a.mp4", "a.zip"])
async def test_a_file_of_another_format_fails_with_a_reason(service, body: bytes, name: str, tmp_path: Path):
    job = await finished(service, await send(service, body, name=name))
    assert job["state"] == "failed"
    assert "cannot be read" in job["detail"]
    assert str(tmp_path) not in job["detail"]


async def test_unknown_kinds_forms_and_ids_are_problems(service, dark_jpeg: bytes):
    assert (await send(service, b"x", name="a.exe")).status_code == 415
    form = await service.http.post("/v1/jobs", files={"file": ("a.zip", b"x")}, params={"name": "a.zip"})
    assert (form.status_code, "--data-binary" in form.json()["detail"]) == (415, True)
    for path in ("", "/events", "/result"):
        assert (await service.http.get(f"/v1/jobs/nobody{path}")).status_code == 404


async def test_an_upload_over_the_limit_is_refused_and_leaves_nothing(start_service, tmp_path: Path):
    async def body():
        for _ in range(40):
            yield bytes(65536)

    async with start_service(jobs_upload_bytes=1_000_000) as service:
        answer = await service.http.post("/v1/jobs", content=body(), params={"name": "a.mp4"})
        assert answer.status_code == 413
        assert not list((tmp_path / "data" / "jobs").iterdir())


async def test_a_full_disk_share_is_507_until_something_is_deleted(start_service, dark_jpeg: bytes):
    async with start_service(jobs_total_bytes=5_000) as service:
        job = await finished(service, await send(service, archive_of(**{"a.jpg": dark_jpeg, "b.jpg": dark_jpeg}), name="a.zip"))
        assert job["state"] == "done"
        refused = await send(service, archive_of(), name="b.zip")
        assert (refused.status_code, refused.headers["content-type"]) == (507, "application/problem+json")
        assert (await service.http.delete(job["links"]["self"])).status_code == 204
        assert (await send(service, archive_of(), name="b.zip")).status_code == 202


@needs_ffmpeg
async def test_a_running_job_can_be_deleted_and_the_next_one_runs(service, dark_jpeg: bytes, tmp_path: Path):
    long = await send(service, make_video(tmp_path / "a.mkv", seconds=60, size="640x480"), name="a.mkv")
    path = long.json()["links"]["self"]
    async with asyncio.timeout(10):
        while (await service.http.get(path)).json()["progress"] == 0:  # noqa: ASYNC110  # asked over HTTP
            await asyncio.sleep(0.05)
    after = await send(service, archive_of(**{"a.jpg": dark_jpeg}), name="a.zip")
    assert (await service.http.delete(path)).status_code == 204
    assert (await finished(service, after))["state"] == "done"
    assert (await service.http.get(path)).status_code == 404


async def test_a_finished_job_survives_a_restart_and_an_unfinished_one_is_done_again(
    start_service, dark_jpeg: bytes, tmp_path: Path
):
    archive = archive_of(**{"a.jpg": dark_jpeg})
    async with start_service() as service:
        done = await finished(service, await send(service, archive, name="a.zip"))
    interrupted = tmp_path / "data" / "jobs" / "0123"
    interrupted.mkdir()
    (interrupted / "upload.zip").write_bytes(archive)
    (interrupted / ".result.1234.part.zip").write_bytes(b"half")
    (interrupted / "job.json").write_text(
        json.dumps({"id": "0123", "kind": "zip", "name": "b.zip", "state": "running", "progress": 0.5})
    )
    (tmp_path / "data" / "jobs" / "broken-upload").mkdir()
    async with start_service() as service:
        assert (await service.http.get(done["links"]["self"])).json() == done
        assert await result(service, done)
        async with asyncio.timeout(5):
            while (await service.http.get("/v1/jobs/0123")).json()["state"] != "done":  # noqa: ASYNC110  # asked over HTTP
                await asyncio.sleep(0.05)
        assert {path.name for path in interrupted.iterdir()} == {"job.json", "result.zip"}
        assert not (tmp_path / "data" / "jobs" / "broken-upload").exists()


async def test_expired_jobs_go(start_service, dark_jpeg: bytes, tmp_path: Path):
    async with start_service() as service:
        await finished(service, await send(service, archive_of(**{"a.jpg": dark_jpeg}), name="a.zip"))
    async with start_service(jobs_keep_s=0.001):
        async with asyncio.timeout(5):
            while list((tmp_path / "data" / "jobs").iterdir()):  # noqa: ASYNC110  # the sweeper's, without an event
                await asyncio.sleep(0.05)


async def test_without_a_folder_to_write_jobs_are_refused_and_all_else_works(start_service, dark_jpeg: bytes, tmp_path: Path):
    (tmp_path / "file").touch()
    async with start_service(data=tmp_path / "file") as service:
        assert (await send(service, b"", name="a.zip")).status_code == 507
        assert (await service.http.post("/v1/enhance", content=dark_jpeg)).status_code == 200
        reply = (await service.http.get("/readyz")).json()
        assert (reply["status"], "cannot write to" in reply["reasons"][0]) == ("degraded", True)


async def test_a11_a_page_of_another_origin_neither_starts_nor_deletes_a_job(service, dark_jpeg: bytes):
    evil = {"Origin": "http://evil.example"}
    refused = await service.http.post("/v1/jobs", content=archive_of(a=dark_jpeg), params={"name": "a.zip"}, headers=evil)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    job = await send(service, archive_of(a=dark_jpeg), name="a.zip")
    link = job.json()["links"]["self"]
    assert (await service.http.delete(link, headers=evil)).status_code == 403
    assert (await service.http.delete(link)).status_code == 204
