"""Every way that a file takes through Davy, over many files at once."""

import asyncio
import functools
import http.server
import io
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import grpc
from tests.davy_enhancer.conftest import Service, running
from tests.world import facts
from tests.world.facts import Facts, spots_of

from davy.adapters.camera import open_source
from davy.adapters.media.planes import bgr_of
from davy.domain.errors import DavyError
from davy.domain.ports import SourceOptions
from davy.v1.enhancer_pb2 import EnhanceRequest
from davy.v1.enhancer_pb2_grpc import EnhancerServiceStub
from davy_cli.main import main

PATHS = ("command line", "REST", "gRPC", "job", "folder camera", "live camera")
CAMERAS = ("folder camera", "live camera")
NEARLY_ZERO = 0.001  # strength; at 0 a video's packets are copied, and nothing would be seen of its pixels


@dataclass(frozen=True)
class Seen:
    """What came out: facts, or the reason why nothing did. notes: what was said of it."""

    facts: Facts | None = None
    refusal: str = ""
    notes: tuple[str, ...] = ()


Results = dict[str, dict[str, Seen]]
"""By name of the input, by path."""


def through_command_line(inputs: Path, outputs: Path, *, videos: bool) -> dict[str, Seen]:
    """`davy enhance` over a folder."""
    strength = NEARLY_ZERO if videos else 0
    told, errors = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["davy", "enhance", str(inputs), str(outputs), "--strength", str(strength), "--quality", "95"]
    try:
        with redirect_stdout(told), redirect_stderr(errors):
            main()
    finally:
        sys.argv = before
    seen = {}
    for path in inputs.iterdir():
        lines = tuple(line.removeprefix(f"{path}: ") for line in errors.getvalue().splitlines() if line.startswith(f"{path}: "))
        written = [each for each in (outputs / path.name, outputs / f"{path.name}.mp4") if each.exists()]
        seen[path.name] = _seen(written[0], lines, videos=videos) if written else Seen(refusal="; ".join(lines))
    return seen


def _seen(path: Path, notes: tuple[str, ...], *, videos: bool) -> Seen:
    return Seen(facts.of_video(path) if videos else facts.of_picture(path.read_bytes()), notes=notes)


async def through_rest(service: Service, inputs: Path) -> dict[str, Seen]:
    """POST /v1/enhance, one picture each."""
    seen = {}
    for path in sorted(inputs.iterdir()):  # noqa: ASYNC240  # the service runs in this loop, and waits for its clients
        answer = await service.http.post("/v1/enhance?strength=0&quality=95", content=path.read_bytes())
        if answer.is_success:
            notes = tuple(note for note in answer.headers.get("davy-notes", "").split("; ") if note)
            seen[path.name] = Seen(facts.of_picture(answer.content), notes=notes)
        else:
            seen[path.name] = Seen(refusal=answer.json()["detail"])
    return seen


async def through_grpc(service: Service, inputs: Path) -> dict[str, Seen]:
    """EnhancerService.Enhance, one picture each."""
    seen = {}
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service.addresses.grpc_port}") as channel:
        stub = EnhancerServiceStub(channel)
        for path in sorted(inputs.iterdir()):  # noqa: ASYNC240  # as above
            call = stub.Enhance(EnhanceRequest(image=path.read_bytes(), strength=0, quality=95))
            try:
                answer = await call
            except grpc.aio.AioRpcError as error:
                seen[path.name] = Seen(refusal=error.details() or "")
                continue
            trailers = {key: str(value) for key, value in await call.trailing_metadata()}
            notes = tuple(note for note in trailers.get("davy-notes", "").split("; ") if note)
            seen[path.name] = Seen(facts.of_picture(answer.image), notes=notes)
    return seen


async def through_job(service: Service, inputs: Path, outputs: Path, *, videos: bool) -> dict[str, Seen]:
    """POST /v1/jobs, a zip of all."""
    packed = io.BytesIO()
    names = sorted(path.name for path in inputs.iterdir())  # noqa: ASYNC240  # as above
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.write(inputs / name, name.replace(":", "-"))
    strength = NEARLY_ZERO if videos else 0
    query = {"name": "all.zip", "strength": strength, "quality": 95}
    answer = await service.http.post("/v1/jobs", content=packed.getvalue(), params=query)
    link = answer.json()["links"]["self"]
    while (job := (await service.http.get(link)).json())["state"] in ("queued", "running"):  # noqa: ASYNC110  # asked over HTTP
        await asyncio.sleep(0.05)
    content = (await service.http.get(job["links"]["result"])).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(outputs)
    seen = {}
    for name in names:
        inside = name.replace(":", "-")
        lines = {
            kind: tuple(line.removeprefix(f"{inside}: ") for line in job[kind] if line.startswith(f"{inside}: "))
            for kind in ("failures", "notes")
        }
        written = [each for each in (outputs / inside, outputs / f"{inside}.mp4") if each.exists()]
        if lines["failures"]:
            seen[name] = Seen(refusal="; ".join(lines["failures"]))
        else:
            seen[name] = _seen(written[0], lines["notes"], videos=videos)
    return seen


def through_camera(url: str) -> Seen:
    """The first frame of a camera."""
    try:
        source = open_source(url, SourceOptions(fps=20, timeout_s=5, loop=False))
        try:
            rgb = bgr_of(source.read().pixels)[..., ::-1]
        finally:
            source.close()
    except DavyError as error:
        return Seen(refusal=str(error))
    return Seen(Facts((rgb.shape[1], rgb.shape[0]), spots_of(rgb)))


def through_folder_camera(inputs: Path) -> dict[str, Seen]:
    """file:// of each file."""
    return {path.name: through_camera(f"file://{path}") for path in inputs.iterdir()}


def through_live_camera(inputs: Path) -> dict[str, Seen]:
    """http:// of each file: a snapshot, or a stream that FFmpeg opens."""
    with served(inputs) as address:
        return {path.name: through_camera(f"{address}/{quote(path.name)}") for path in inputs.iterdir()}


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A web server for the files of a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, name="files")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def through_all(pictures: Path, clips: Path, work: Path) -> Results:
    """Every path over every file of two folders."""
    results: Results = {path.name: {} for folder in (pictures, clips) for path in folder.iterdir()}

    def add(way: str, seen: dict[str, Seen]) -> None:
        for name, each in seen.items():
            results[name][way] = each

    for folder, videos in ((pictures, False), (clips, True)):
        if not any(folder.iterdir()):
            continue
        kind = "videos" if videos else "pictures"
        add("command line", through_command_line(folder, work / f"cli-{kind}", videos=videos))
        async with running(work / f"data-{kind}") as service:
            add("job", await through_job(service, folder, work / f"job-{kind}", videos=videos))
            if not videos:
                add("REST", await through_rest(service, folder))
                add("gRPC", await through_grpc(service, folder))
        add("folder camera", await asyncio.to_thread(through_folder_camera, folder))
        add("live camera", await asyncio.to_thread(through_live_camera, folder))
    return results
