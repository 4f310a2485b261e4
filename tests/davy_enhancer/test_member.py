"""An enhancer as a target of rollouts: real broker, packages from a real gRPC server, raw frames as an edge sends them."""

import asyncio
import hashlib
import json
import time
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from tests.davy_enhancer.test_pool import JUNCTION, raw_message, site_of
from tests.fixtures.edges import ear, until
from tests.fixtures.package_server import Packages, package_server
from tests.fixtures.packages import bad_package, good_package, trust

from davy.adapters import mqtt
from davy.domain.errors import ConfigError, FolderInUseError
from davy.domain.ports import Message
from davy.domain.topics import OFFLINE, ONLINE, EdgeTopics
from davy.imaging.runtime import StillEnhancer
from davy.models.gates import Gates
from davy.site import SiteConfig
from davy.twin.model import DesiredModel, Evaluation, ModelState, ReportedModel
from davy_enhancer.member import choose_name

pytestmark = pytest.mark.system  # a real broker

TOPICS = EdgeTopics("demo", "pool")
GOOD, OTHER = good_package(), bad_package("slow")  # the same picture, from another network
NOW = Evaluation(probation_s=0)
FPS = 10


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Comparisons of every frame: the tests wait for them."""
    monkeypatch.setattr("davy.deployment.shadow.SHADOW_PER_S", 30.0)
    monkeypatch.setattr("davy.deployment.shadow.PROBATION_PER_S", 30.0)


def reports(received) -> list[ReportedModel]:
    return [ReportedModel.parse(message.payload) for message in received if message.topic == TOPICS.reported_model]


def frames(received) -> list[Message]:
    return [message for message in received if message.topic == JUNCTION.frame]


async def final(received, epoch: int) -> ReportedModel:
    await until(lambda: reports(received) and reports(received)[-1].epoch == epoch and reports(received)[-1].state.final, 40)
    return reports(received)[-1]


class Stand:
    """The hand that publishes the desired model, and the camera."""

    def __init__(self, endpoint: str, packages: Packages, received: list[Message], bus: mqtt.MqttBus) -> None:
        self.packages, self.received, self.bus, self.epoch = packages, received, bus, 0
        self.site = site_of(endpoint, max_age_ms=60_000).model_copy(update={"aggregator": packages.endpoint})

    async def desire(self, package, trial: Evaluation = NOW, **changes) -> None:
        self.epoch += 1
        self.packages.data[package.id] = package.data
        facts = {"model": package.id, "sha256": hashlib.sha256(package.data).hexdigest(), "size": len(package.data)}
        desired = DesiredModel(**{"epoch": self.epoch, "trial": trial} | facts | changes)
        await self.bus.publish(Message(TOPICS.desired_model, desired.to_bytes(), 1, retain=True))

    async def film(self, picture: bytes) -> None:
        seq = 0
        while True:
            seq += 1
            await self.bus.publish(raw_message(picture, seq, captured_ns=time.time_ns()))
            await asyncio.sleep(1 / FPS)


@asynccontextmanager
async def stand(mosquitto, folder, picture: bytes):
    trust().save(folder / "data" / "trust.json")
    async with (
        package_server(Packages()) as packages,
        ear(mosquitto.endpoint, "davy/#") as received,
        mqtt.connect(mosquitto.endpoint, "hand") as bus,
    ):
        await until(lambda: bus.connected)
        at = Stand(mosquitto.endpoint, packages, received, bus)
        filming = asyncio.create_task(at.film(picture))
        try:
            yield at
        finally:
            filming.cancel()


async def test_a_rolled_out_model_enhances_frames_and_requests_and_no_frame_is_lost(
    mosquitto, start_service, dark_jpeg, tmp_path
):
    async with stand(mosquitto, tmp_path, dark_jpeg) as at, start_service(at.site) as service:
        await until(lambda: len(frames(at.received)) > 3, 20)
        await at.desire(GOOD, Evaluation(shadow_frames=12, probation_s=1))
        report = await final(at.received, 1)
        assert (report.state, report.model, report.cause) == (ModelState.ACTIVE, GOOD.id, "")
        assert report.figures["frames-lost"] == 0
        states = list(dict.fromkeys(each.state for each in reports(at.received)))
        assert states[-5:] == ["downloading", "verifying", "shadow", "probation", "active"]
        await at.desire(OTHER)
        await final(at.received, 2)
        observed = len(frames(at.received))
        await until(lambda: len(frames(at.received)) > observed + 3)
        carried = [message.properties["model"] for message in frames(at.received)]
        assert carried[-1] == OTHER.manifest.frame_id
        assert sum(a != b for a, b in pairwise(carried)) == len(set(carried)) - 1
        assert service.count("davy_frames_dropped_total", edge="west", camera="junction", stage="enhance", reason="error") == 0
        assert (await service.http.get("/v1/model")).json()["model"] == OTHER.manifest.frame_id
        answer = await service.http.post("/v1/enhance", content=dark_jpeg)
        assert answer.headers["davy-model"] == OTHER.manifest.frame_id
        births = [json.loads(message.payload) for message in at.received if message.topic == TOPICS.info]
        assert (births[-1]["kind"], births[-1]["model"]) == ("enhancer", OTHER.manifest.frame_id)
        assert service.count("davy_model_epoch", edge="pool") == 2


@pytest.mark.parametrize(
    ("trial", "state", "cause"),
    [
        (Evaluation(shadow_frames=12), ModelState.FAILED, "gate:black"),
        (Evaluation(probation_s=20), ModelState.ROLLED_BACK, "probation:black"),
    ],
)
async def test_f22_a_bad_model_is_refused_or_rolled_back(mosquitto, start_service, dark_jpeg, tmp_path, trial, state, cause):
    async with stand(mosquitto, tmp_path, dark_jpeg) as at, start_service(at.site):
        await until(lambda: len(frames(at.received)) > 3, 20)
        await at.desire(bad_package("black"), trial)
        report = await final(at.received, 1)
        assert (report.state, report.cause, report.model) == (state, cause, "")
        observed = len(frames(at.received))
        await until(lambda: len(frames(at.received)) > observed + 3)
        assert frames(at.received)[-1].properties["model"] == StillEnhancer().model


async def test_f20_an_unsigned_model_does_not_run(mosquitto, start_service, dark_jpeg, tmp_path):
    async with stand(mosquitto, tmp_path, dark_jpeg) as at, start_service(at.site, trust=tmp_path / "nobody.json"):
        await at.desire(GOOD)
        report = await final(at.received, 1)
        assert (report.state, report.cause, report.model) == (ModelState.FAILED, "foreign-key", "")


async def test_an_enhancer_starts_without_a_broker_on_its_last_model(mosquitto, start_service, dark_jpeg, tmp_path):
    async with stand(mosquitto, tmp_path, dark_jpeg) as at:
        async with start_service(at.site):
            await at.desire(OTHER)
            await final(at.received, 1)
        mosquitto.kill()
        async with start_service(at.site) as service:
            assert (await service.http.get("/v1/model")).json()["model"] == OTHER.manifest.frame_id
        mosquitto.start()


async def test_an_enhancer_that_restarts_during_an_evaluation_ends_on_the_desired_model(
    mosquitto, start_service, dark_jpeg, tmp_path
):
    async with stand(mosquitto, tmp_path, dark_jpeg) as at:
        async with start_service(at.site):
            await at.desire(GOOD, Evaluation(shadow_frames=10_000, probation_s=1))
            await until(lambda: ModelState.SHADOW in [each.state for each in reports(at.received)[-1:]], 20)
        async with start_service(at.site):
            await until(lambda: ModelState.SHADOW in [each.state for each in reports(at.received)[-1:]], 20)
            await at.desire(OTHER, Evaluation(shadow_frames=4, probation_s=0, gates=Gates(latency_most=1000)))
            assert (await final(at.received, 2)).model == OTHER.id


async def test_two_enhancers_of_one_name_stay_online_when_one_ends(mosquitto, start_service, dark_jpeg, tmp_path):
    trust().save(tmp_path / "second" / "trust.json")
    async with stand(mosquitto, tmp_path, dark_jpeg) as at, start_service(at.site):
        async with start_service(at.site, data=tmp_path / "second"):
            await at.desire(OTHER)
            await until(lambda: sum(each.model == OTHER.id and each.state.final for each in reports(at.received)) >= 2, 20)
        states = [message.payload for message in at.received if message.topic == TOPICS.status]
        await until(lambda: [m.payload for m in at.received if m.topic == TOPICS.status][len(states) - 1 :].count(ONLINE) > 0)
        assert OFFLINE in [message.payload for message in at.received if message.topic == TOPICS.status]


async def test_a_second_enhancer_on_one_folder_is_told_which_one_holds_it(mosquitto, start_service):
    site = site_of(mosquitto.endpoint)
    async with start_service(site):
        with pytest.raises(FolderInUseError, match="enhancer pool"):
            async with start_service(site):
                pass


def test_a_name_that_the_site_does_not_have_is_refused_with_the_known_ones():
    site = SiteConfig.model_validate(site_of("mqtt://127.0.0.1").model_dump() | {"enhancers": ["pool-1", "pool-2"]})
    assert (choose_name("", site), choose_name("pool-2", site)) == ("pool-1", "pool-2")
    with pytest.raises(ConfigError, match="did you mean 'pool-"):
        choose_name("pool-3", site)


def test_an_enhancer_has_the_id_of_no_edge():
    with pytest.raises(ValueError, match="'west' is the id of an edge"):
        SiteConfig.model_validate(site_of("mqtt://127.0.0.1").model_dump() | {"enhancers": ["west"]})
