"""An edge that is configured while it runs: real broker, real cameras (folders of pictures), real disk."""

import json
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from tests.fixtures.configs import TOPICS, desire, metas, report_of, retained, seqs, settled
from tests.fixtures.edges import ear, edge, until

from davy.adapters import mqtt
from davy.domain.ports import Message
from davy.site import SiteConfig
from davy.twin.configuration import ConfigState
from davy_edge.config.manager import open_state_file

NOWHERE = "127.0.0.1:9"


@pytest.fixture
def cameras(pictures):
    camera = {"source": pictures, "fps": 5, "max_age_ms": 5000}  # a busy machine loses no frame at that rate
    return {"face": dict(camera), "belt": dict(camera)}


def site_of(cameras, broker=f"mqtt://{NOWHERE}") -> SiteConfig:
    edges = {"north": {"cameras": cameras, "sources": {"networks": ["127.0.0.0/8"]}}}
    return SiteConfig.model_validate({"site": "demo", "broker": broker, "aggregator": f"grpc://{NOWHERE}", "edges": edges})


@asynccontextmanager
async def configured(mosquitto, cameras, folder, **settings):
    """A running edge, what it says, and a way to publish it something."""
    async with (
        ear(mosquitto.endpoint) as received,
        mqtt.connect(mosquitto.endpoint, "hand") as bus,
        edge(site_of(cameras, mosquitto.endpoint), folder, **settings) as running,
    ):
        await until(lambda: bus.connected and all(len(seqs(received, name)) >= 6 for name in cameras))

        async def publish(epoch: int, wanted: dict) -> None:
            await bus.publish(desire(epoch, wanted))
            await until(lambda: settled(received, epoch))

        yield running, received, publish


def gaps(received, camera: str) -> list[tuple[int, int]]:
    """Where frames are missing, once the camera runs evenly: the first pictures take longest."""
    return [pair for pair in pairwise(seqs(received, camera)[5:]) if pair[1] != pair[0] + 1]


@pytest.mark.system
async def test_a_changed_strength_and_rate_reach_one_camera_and_no_frame_of_any_is_lost(mosquitto, cameras, tmp_path):
    cameras = {name: {**camera, "fps": 2} for name, camera in cameras.items()}  # half a second for each: a machine may be busy
    async with configured(mosquitto, cameras, tmp_path) as (_running, received, publish):
        cameras["face"] |= {"strength": 0.25, "fps": 3, "quality": 60, "label": "Coal face"}
        await publish(1, cameras)
        before = len(seqs(received, "face"))
        await until(lambda: len(seqs(received, "face")) >= before + 10)
    assert report_of(received).state is ConfigState.APPLIED
    assert metas(received, "face")[-1]["strength"] == 0.25
    assert metas(received, "belt")[-1]["strength"] == 1.0
    assert gaps(received, "belt") == gaps(received, "face") == []
    assert len({meta["boot_id"] for name in cameras for meta in metas(received, name)}) == 1
    stamps = [meta["captured_ns"] for meta in metas(received, "face")][-8:]
    assert 2.5 < 7e9 / (stamps[-1] - stamps[0]) < 3.5  # frames a second


async def test_another_source_reopens_its_camera_and_its_seq_continues(mosquitto, cameras, tmp_path, pictures):
    async with configured(mosquitto, cameras, tmp_path) as (_running, received, publish):
        last = seqs(received, "face")[-1]
        cameras["face"] |= {"width": 160, "height": 120}
        await publish(1, cameras)
        await until(lambda: metas(received, "face")[-1]["width"] == 160)
    found = seqs(received, "face")
    assert found == sorted(set(found))
    assert found[-1] > last
    assert gaps(received, "belt") == []


async def test_a_camera_that_is_added_starts_and_one_that_is_removed_ends_in_order(mosquitto, cameras, tmp_path):
    async with configured(mosquitto, cameras, tmp_path) as (running, received, publish):
        await publish(1, {"face": cameras["face"], "shaft": cameras["belt"]})
        await until(lambda: len(seqs(received, "shaft")) >= 5)
        await until(lambda: any(not m.payload for m in received if m.topic == TOPICS.camera("belt").status))
        kept = await retained(mosquitto.endpoint, "davy/#")
        birth = json.loads(kept[TOPICS.info])
        assert running.value("davy_frames_captured_total", camera="belt") == 0
    arguments = [m.payload for m in received if m.topic == TOPICS.camera("belt").status]
    last = json.loads(arguments[arguments.index(b"") - 1])
    assert (last["state"], "configuration" in last["reason"]) == ("offline", True)
    assert TOPICS.camera("belt").status not in kept
    assert list(birth["cameras"]) == ["face", "shaft"]
    assert gaps(received, "face") == []


async def test_one_error_rejects_the_configuration_and_the_old_one_keeps_running(mosquitto, cameras, tmp_path):
    async with configured(mosquitto, cameras, tmp_path, max_cameras=2) as (_running, received, publish):
        bad = {"face": {**cameras["face"], "strength": 0.5}, "belt": {**cameras["belt"], "fps": 0}}
        await publish(1, bad)
        assert (report_of(received).state, report_of(received).epoch) == (ConfigState.REJECTED, 1)
        assert "cameras.belt.fps" in report_of(received).reason
        await publish(2, {**cameras, "shaft": cameras["face"]})
        assert "exceed the limit of 2" in report_of(received).reason
        before = len(seqs(received, "face"))
        await until(lambda: len(seqs(received, "face")) >= before + 5)
    assert {meta["strength"] for meta in metas(received, "face")} == {1.0}
    assert gaps(received, "face") == []
    assert report_of(received).config["cameras"].keys() == cameras.keys()
    assert open_state_file(tmp_path / "demo/north/config").pointer.active is None


async def test_a_source_that_cannot_be_opened_is_an_error_of_that_camera_and_no_refusal(mosquitto, cameras, tmp_path):
    async with configured(mosquitto, cameras, tmp_path) as (_running, received, publish):
        cameras["belt"]["source"] += "/nowhere"
        await publish(1, cameras)
        await until(lambda: b"no such file" in [m.payload for m in received if m.topic == TOPICS.camera("belt").status][-1])
    assert report_of(received).state is ConfigState.APPLIED


async def test_f19_an_older_epoch_is_a_replay(mosquitto, cameras, tmp_path):
    async with configured(mosquitto, cameras, tmp_path) as (running, received, publish):
        await publish(7, {**cameras, "face": {**cameras["face"], "strength": 0.5}})
        await publish(6, cameras)  # settled is asked of 6, and 7 is more
        await until(lambda: running.value("davy_config_desired_total", verdict="replayed") == 1)
        await until(lambda: metas(received, "face")[-1]["strength"] == 0.5)
    assert report_of(received).epoch == 7
    assert metas(received, "face")[-1]["strength"] == 0.5
    assert open_state_file(tmp_path / "demo/north/config").pointer.epoch == 7


async def test_p4_an_edge_boots_offline_with_its_last_configuration(mosquitto, cameras, pictures, tmp_path):
    async with configured(mosquitto, cameras, tmp_path) as (running, _received, publish):
        await publish(3, {"shaft": {**cameras["face"], "strength": 0.5}})
    async with edge(site_of(cameras), tmp_path) as running:
        await until(lambda: running.value("davy_frames_enhanced_total", camera="shaft") >= 3)
        assert running.value("davy_frames_captured_total", camera="face") == 0
        assert running.value("davy_config_epoch") == 3


async def test_passwords_are_never_published(mosquitto, cameras, tmp_path):
    async with configured(mosquitto, cameras, tmp_path) as (_running, received, publish):
        await publish(1, {**cameras, "shaft": {"source": "rtsp://admin:s3cret@127.0.0.1:9/a"}})
    others = [message for message in received if message.topic != TOPICS.desired_config]
    assert not any(b"s3cret" in message.payload for message in others)
    assert report_of(received).config["cameras"]["shaft"]["source"] == "rtsp://***@127.0.0.1:9/a"


async def test_unreadable_messages_are_counted_and_change_nothing(mosquitto, cameras, tmp_path):
    async with configured(mosquitto, cameras, tmp_path) as (running, received, publish):
        async with mqtt.connect(mosquitto.endpoint, "stranger") as bus:
            await until(lambda: bus.connected)
            for payload in (b"", b"{", b"[]", b'{"epoch": 0}', b"x" * 300_000):
                await bus.publish(Message(TOPICS.desired_config, payload, 1))
        await until(lambda: running.value("davy_config_desired_total", verdict="unreadable") == 5)
        await publish(1, cameras)
    assert report_of(received).state is ConfigState.APPLIED


def plain(strength: float, pictures: str) -> dict:
    return {"enhance": "here", "cameras": {"face": {"source": pictures, "fps": 20, "strength": strength}}}


async def test_a_configuration_in_which_the_edge_ends_again_and_again_is_reverted(cameras, pictures, tmp_path):
    folder = tmp_path / "demo/north/config"
    before, bad = plain(0.3, pictures), plain(0.9, pictures)
    open_state_file(folder).update(epoch=5, active=bad, previous=before, attempts=4, state=ConfigState.APPLIED)
    async with edge(site_of(cameras), tmp_path) as running:
        await until(lambda: running.value("davy_frames_enhanced_total", camera="face") >= 3)
    pointer = open_state_file(folder).pointer
    assert (pointer.active, pointer.state, pointer.epoch) == (before, ConfigState.REJECTED, 5)
    assert "ended 4 times" in pointer.reason


async def test_a_clean_stop_does_not_count_against_the_configuration(cameras, pictures, tmp_path):
    folder = tmp_path / "demo/north/config"
    open_state_file(folder).update(epoch=5, active=plain(0.3, pictures), attempts=1, state=ConfigState.APPLIED)
    async with edge(site_of(cameras), tmp_path) as running:
        await until(lambda: running.value("davy_frames_enhanced_total", camera="face") >= 1)
        assert open_state_file(folder).pointer.attempts == 2
    assert open_state_file(folder).pointer.attempts == 0


@pytest.mark.parametrize("error", [{"cameras": {}}, {"enhance": "pool", "cameras": {"face": {"source": "mine://face"}}}])
async def test_a_configuration_that_no_longer_runs_gives_way_to_site_yaml(cameras, tmp_path, error):
    folder = tmp_path / "demo/north/config"
    open_state_file(folder).update(epoch=5, active=error, state=ConfigState.APPLIED)
    async with edge(site_of(cameras), tmp_path) as running:
        await until(lambda: running.value("davy_frames_enhanced_total", camera="belt") >= 1)
    pointer = open_state_file(folder).pointer
    assert (pointer.active, pointer.state) == (None, ConfigState.REJECTED)
