"""Recordings of the aggregator: by rule from live video, and from an edge's ring where that has gaps."""

import asyncio
import shutil
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import av
import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.davy_edge.recording.test_ring import ring_of, until
from tests.fixtures.recorded_video import packets

from davy.adapters.grpc import ingest_client
from davy.adapters.grpc.video import to_push_video
from davy.adapters.recording.recorder import Recorder
from davy.v1 import ingest_pb2
from davy_aggregator.recording import fill
from davy_edge.recording.push import RingPush

pytestmark = pytest.mark.system

S = 1_000_000_000


def recording_site(**record):
    camera = {"source": "mine://face", "record": {"days": 0} | record}
    return make_site(north={"cameras": {"face": camera}})


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch):
    monkeypatch.setattr(fill, "GRACE_S", 0.0)
    monkeypatch.setattr(fill, "LOOK_EVERY_S", 0.05)


@asynccontextmanager
async def pushed(port: int, ring, bytes_per_s: int = 10**9):
    """The ring of an edge that is connected."""
    async with ingest_client.connect(f"grpc://127.0.0.1:{port}") as client:
        push = RingPush(ring, bytes_per_s)
        task = asyncio.create_task(push.run(client))
        try:
            yield push
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def recorded(data: Path) -> list[Path]:
    return sorted((data / "recordings").rglob("*.mp4"))


def pictures(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


async def push_video(aggregator, given, spread_s: float = 0.0) -> None:
    """Push packets as an edge does, once its camera's video is wanted."""
    stream = aggregator.ingest.PushVideo()
    offer = ingest_pb2.VideoOffer(site="mine", edge="north", cameras=["face"])
    await stream.write(ingest_pb2.PushVideoRequest(offer=offer))
    while not (await stream.read()).demand.video:
        continue
    for packet in given:
        await stream.write(to_push_video(packet))
        await asyncio.sleep(spread_s)
    for _ in given:
        answer = await stream.read()
        while not answer.seq:
            answer = await stream.read()
    stream.cancel()


async def test_a_continuous_camera_is_recorded_as_it_comes(tmp_path):
    given = list(packets(130))
    async with running(make_settings(tmp_path), recording_site(mode="continuous")) as aggregator:
        for start in range(0, 130, 10):  # as live video comes: no queue spans over 4 s
            await push_video(aggregator, given[start : start + 10])
    assert [pictures(path) for path in recorded(tmp_path)] == [100, 30]


async def test_a_camera_without_a_rule_is_not_recorded(tmp_path):
    async with running(make_settings(tmp_path), recording_site()) as aggregator:
        stream = aggregator.ingest.PushVideo()
        offer = ingest_pb2.VideoOffer(site="mine", edge="north", cameras=["face"])
        await stream.write(ingest_pb2.PushVideoRequest(offer=offer))
        while not (answer := await stream.read()).HasField("demand"):
            continue
        assert not answer.demand.video


async def fill_from(ring_folder: Path, data: Path, site, count: int, **of_push) -> list[Path]:
    async with (
        running(make_settings(data), site) as aggregator,
        ring_of(ring_folder) as ring,
        pushed(aggregator.grpc_port, ring, **of_push),
    ):
        await until(lambda: len(recorded(data)) == count)
    return recorded(data)


def fill_ring(root: Path, count: int = 250, **of_packets) -> None:
    recorder = Recorder(root, lambda _: None)
    for packet in packets(count, **of_packets):
        recorder.write(packet)
    recorder.close()


async def test_what_the_aggregator_missed_comes_from_the_ring_bit_by_bit(tmp_path):
    fill_ring(tmp_path / "ring")
    filled = await fill_from(tmp_path / "ring", tmp_path / "data", recording_site(mode="continuous"), 3)
    sent = sorted((tmp_path / "ring").rglob("*.mp4"))
    assert [path.name for path in filled] == [path.name for path in sent]
    assert [path.read_bytes() for path in filled] == [path.read_bytes() for path in sent]


async def test_only_the_gap_is_asked_for(tmp_path):
    fill_ring(tmp_path / "ring")
    await fill_from(tmp_path / "ring", tmp_path / "data", recording_site(mode="continuous"), 3)
    second = recorded(tmp_path / "data")[1]
    second.unlink()
    async with running(make_settings(tmp_path / "data"), recording_site(mode="continuous")) as aggregator:
        answer = await aggregator.get(
            "/v1/cameras/north.face/recording.mp4", params={"from": "2026-01-01T00:00:05Z", "to": "2026-01-01T00:00:15Z"}
        )
        assert answer.status_code == 200  # it tells what is missing, and the index forgets it
        async with ring_of(tmp_path / "ring") as ring, pushed(aggregator.grpc_port, ring) as push:
            await until(second.is_file)
    assert push.sent == second.stat().st_size


async def test_a_broken_transfer_goes_on_where_it_ended(tmp_path):
    fill_ring(tmp_path / "ring", 90)
    (whole,) = (tmp_path / "ring").rglob("*.mp4")
    incoming = tmp_path / "data" / "recordings" / ".incoming"
    incoming.mkdir(parents=True)
    sha256 = whole.stem.rpartition("_")[2]
    (incoming / sha256).write_bytes(whole.read_bytes()[:1000])
    async with (
        running(make_settings(tmp_path / "data"), recording_site(mode="continuous")) as aggregator,
        ring_of(tmp_path / "ring") as ring,
        pushed(aggregator.grpc_port, ring) as push,
    ):
        await until(lambda: recorded(tmp_path / "data"))
    assert push.sent == whole.stat().st_size - 1000
    assert recorded(tmp_path / "data")[0].read_bytes() == whole.read_bytes()


async def test_a_transfer_that_broke_before_its_check_is_checked_and_kept(tmp_path):
    fill_ring(tmp_path / "ring", 90)
    (whole,) = (tmp_path / "ring").rglob("*.mp4")
    incoming = tmp_path / "data" / "recordings" / ".incoming"
    incoming.mkdir(parents=True)
    (incoming / whole.stem.rpartition("_")[2]).write_bytes(whole.read_bytes())
    filled = await fill_from(tmp_path / "ring", tmp_path / "data", recording_site(mode="continuous"), 1)
    assert filled[0].read_bytes() == whole.read_bytes()


async def test_a_damaged_transfer_is_begun_anew(tmp_path):
    fill_ring(tmp_path / "ring", 90)
    (whole,) = (tmp_path / "ring").rglob("*.mp4")
    incoming = tmp_path / "data" / "recordings" / ".incoming"
    incoming.mkdir(parents=True)
    (incoming / whole.stem.rpartition("_")[2]).write_bytes(bytes(1000))
    filled = await fill_from(tmp_path / "ring", tmp_path / "data", recording_site(mode="continuous"), 1)
    assert filled[0].read_bytes() == whole.read_bytes()


async def test_an_alarm_brings_the_seconds_before_and_after_it_from_the_ring(tmp_path):
    start_ns = time.time_ns() // (10 * S) * 10 * S - 100 * S
    fill_ring(tmp_path / "ring", 600, start_ns=start_ns)
    site = recording_site(mode="alarm", before_s=10, after_s=5)
    async with (
        running(make_settings(tmp_path / "data"), site) as aggregator,
        ring_of(tmp_path / "ring") as ring,
        pushed(aggregator.grpc_port, ring) as push,
    ):
        await asyncio.sleep(0.3)
        assert push.sent == 0
        event = {"site": "mine", "edge": "north", "boot_id": "b", "seq": 1, "camera": "face", "severity": 3, "kind": "gas"}
        report = aggregator.ingest.ReportEvents()
        happened = ingest_pb2.Event(**event, occurred_ns=start_ns + 35 * S, message="gas")
        await report.write(ingest_pb2.ReportEventsRequest(event=happened))
        await report.read()
        await until(lambda: len(recorded(tmp_path / "data")) == 2)
    starts = [int(path.name.partition("_")[0]) for path in recorded(tmp_path / "data")]
    assert [(start - start_ns) // S for start in starts] == [20, 30]


async def test_a_lost_index_is_made_anew_from_the_files(tmp_path):
    fill_ring(tmp_path / "data" / "recordings")
    async with running(make_settings(tmp_path / "data"), recording_site(mode="continuous")) as aggregator:
        await until_answer(aggregator, 1)
    (tmp_path / "data" / "davy.db").unlink()
    shutil.rmtree(tmp_path / "data" / "keys")
    for rest in (tmp_path / "data").glob("davy.db-*"):
        rest.unlink()
    async with running(make_settings(tmp_path / "data"), recording_site(mode="continuous")) as aggregator:
        (camera,) = await until_answer(aggregator, 1)
    assert camera["spans"] == [{"start_at": "2026-01-01T00:00:00Z", "end_at": "2026-01-01T00:00:25Z"}]


async def until_answer(aggregator, count: int):
    async with asyncio.timeout(10):
        while True:
            params = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:01:00Z"}
            answer = (await aggregator.get("/v1/recordings", params=params)).json()["recordings"]
            if sum(len(each["spans"]) for each in answer) >= count:
                return answer
            await asyncio.sleep(0.05)


async def test_the_oldest_recordings_give_way_and_do_not_come_back_from_the_ring(tmp_path):
    fill_ring(tmp_path / "ring", 400)
    sizes = [path.stat().st_size for path in sorted((tmp_path / "ring").rglob("*.mp4"))]
    settings = make_settings(tmp_path / "data", recordings_max_bytes=sum(sizes[2:]))
    async with running(settings, recording_site(mode="continuous")) as aggregator, ring_of(tmp_path / "ring") as ring:
        async with pushed(aggregator.grpc_port, ring):
            await until(lambda: [int(path.stem.split("_")[3]) for path in recorded(tmp_path / "data")] == [201, 301], 20)
        sent = []
        async with pushed(aggregator.grpc_port, ring) as push:
            await asyncio.sleep(0.5)
            sent.append(push.sent)
    assert sent == [0]
