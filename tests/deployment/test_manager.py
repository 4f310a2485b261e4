"""A real edge with a simulated camera, a real broker, and packages from a real gRPC server."""

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from tests.fixtures.candidates import candidate
from tests.fixtures.edges import Running, ear, edge, site_of, until
from tests.fixtures.package_server import Packages, package_server
from tests.fixtures.packages import bad_package, good_package, signing_key, trust

from davy.adapters import mqtt
from davy.adapters.camera import OPENERS
from davy.domain.ports import Message
from davy.domain.topics import EdgeTopics
from davy.imaging.runtime import StillEnhancer
from davy.models import KeySet, Package, SigningKey
from davy.models.archive import zip_exact
from davy.models.package import SIGNATURE, sign
from davy.twin.model import DesiredModel, Evaluation, ModelState, ReportedModel
from davy_simulator.world import Mine

TOPICS = EdgeTopics("demo", "north")
GOOD = good_package()
QUICK = Evaluation(shadow_frames=12, probation_s=2)
NO_SHADOW = Evaluation(probation_s=30)


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Comparisons of every frame: the tests wait for them."""
    monkeypatch.setattr("davy.deployment.shadow.SHADOW_PER_S", 30.0)
    monkeypatch.setattr("davy.deployment.shadow.PROBATION_PER_S", 30.0)


@dataclass
class Stand:
    """An edge under test, and the hand that publishes its desired model."""

    endpoint: str
    packages: Packages
    received: list[Message]
    edge: Running | None = None
    epoch: int = 0

    @property
    def reports(self) -> list[ReportedModel]:
        return [ReportedModel.parse(message.payload) for message in self.received if message.topic == TOPICS.reported_model]

    @property
    def frames(self) -> list[Message]:
        return [message for message in self.received if message.topic.endswith("/frame")]

    async def desire(self, package: Package | None, trial: Evaluation = QUICK, data: bytes | None = None, **changes) -> None:
        self.epoch += 1
        fields = {"epoch": self.epoch, "model": "", "trial": trial}
        if package is not None:
            data = package.data if data is None else data
            self.packages.data[package.id] = data
            digest = hashlib.sha256(data).hexdigest()
            fields |= {"model": package.id, "sha256": digest, "size": len(data)}
        await self.publish(DesiredModel(**fields | changes).to_bytes())

    async def publish(self, payload: bytes) -> None:
        async with mqtt.connect(self.endpoint, "hand") as bus:
            await until(lambda: bus.connected)
            await bus.publish(Message(TOPICS.desired_model, payload, 1, retain=True))

    async def final(self, timeout_s: float = 30) -> ReportedModel:
        """The final report on the newest desired model."""
        await until(lambda: self.reports and self.reports[-1].epoch == self.epoch and self.reports[-1].state.final, timeout_s)
        return self.reports[-1]


@asynccontextmanager
async def stand(mosquitto, folder: Path):
    trust().save(folder / "trust.json")
    async with package_server(Packages()) as packages, ear(mosquitto.endpoint, "davy/#") as received:
        yield Stand(mosquitto.endpoint, packages, received)


@asynccontextmanager
async def edge_of(at: Stand, folder: Path, **settings):
    site = site_of("mine://face", at.endpoint, at.packages.endpoint, width=640, height=360)
    openers = {**OPENERS, "mine": Mine().open_source}
    async with edge(site, folder, openers, trust=folder / "trust.json", **settings) as running:
        at.edge = running
        observed = len(at.frames)
        await until(lambda: len(at.frames) > observed + 3, 20)
        yield running


@pytest.mark.alone  # it compares times and counts every frame
async def test_a_good_model_is_shadowed_swapped_watched_and_loses_no_frame(mosquitto, tmp_path):
    async with stand(mosquitto, tmp_path) as at, edge_of(at, tmp_path) as running:
        await at.desire(GOOD)
        report = await at.final()
        assert (report.state, report.model, report.cause) == (ModelState.ACTIVE, GOOD.id, "")
        states = list(dict.fromkeys(report.state for report in at.reports))
        assert states[-5:] == ["downloading", "verifying", "shadow", "probation", "active"]
        assert report.figures["frames-lost"] == 0
        assert 0.8 < report.figures["p95-ratio"] < 1.5
        assert running.value("davy_frames_dropped_total", stage="enhance", reason="error") == 0
        seqs = [int(message.properties["seq"]) for message in at.frames]
        assert max(b - a for a, b in pairwise(seqs)) <= 2  # one frame at most is missing anywhere
        info = [json.loads(message.payload) for message in at.received if message.topic == TOPICS.info]
        assert info[-1]["model"] == GOOD.manifest.frame_id


async def test_frames_carry_the_id_of_their_model(mosquitto, tmp_path):
    other = bad_package("slow")  # another network that gives the same picture
    async with stand(mosquitto, tmp_path) as at, edge_of(at, tmp_path):
        await at.desire(other, Evaluation(probation_s=0))
        assert (await at.final()).model == other.id
        observed = len(at.frames)
        await until(lambda: len(at.frames) > observed + 5)
        assert at.frames[-1].properties["model"] == other.manifest.frame_id
        carried = [message.properties["model"] for message in at.frames]
        assert sum(a != b for a, b in pairwise(carried)) == 1


@pytest.mark.parametrize(("kind", "cause"), [("black", "gate:black"), ("nan", "gate:errors"), ("slow", "gate:slow")])
async def test_f22_a_bad_model_does_not_get_past_the_shadow(mosquitto, tmp_path, kind, cause):
    async with stand(mosquitto, tmp_path) as at, edge_of(at, tmp_path) as running:
        await at.desire(bad_package(kind))
        report = await at.final()
        assert (report.state, report.model) == (ModelState.FAILED, "")
        assert report.cause == cause, report
        assert report.figures["frames"] >= 10
        shipped = StillEnhancer().model
        assert {message.properties["model"] for message in at.frames} == {shipped}
        assert running.value("davy_model_refused_total", cause=cause) == 1


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("black", "probation:black"),
        ("nan", "probation:errors"),
        pytest.param("slow", "probation:slow", marks=pytest.mark.slow),
    ],
)
async def test_f22_a_bad_model_is_rolled_back_after_its_swap(mosquitto, tmp_path, kind, cause):
    async with stand(mosquitto, tmp_path) as at, edge_of(at, tmp_path):
        await at.desire(GOOD, Evaluation(probation_s=0))
        assert (await at.final()).model == GOOD.id
        await at.desire(bad_package(kind), NO_SHADOW)
        report = await at.final()
        assert (report.state, report.model) == (ModelState.ROLLED_BACK, GOOD.id)
        assert report.cause == cause, report
        observed = len(at.frames)
        await until(lambda: len(at.frames) > observed + 3)
        assert at.frames[-1].properties["model"] == GOOD.manifest.frame_id


def forged() -> dict[str, tuple[bytes, str]]:
    """Packages that must not run, and why not."""
    contents = {name: GOOD.files[name] for name in GOOD.manifest.files}
    flipped = bytearray(GOOD.data)
    flipped[len(flipped) // 2] ^= 4
    bare = {name: data for name, data in GOOD.files.items() if name != SIGNATURE}
    return {
        "unsigned": (zip_exact(bare), "unsigned"),
        "candidate": (candidate().data, "unsigned"),
        "foreign": (sign(GOOD.manifest, contents, SigningKey.generate()).data, "foreign-key"),
        "altered": (bytes(flipped), "digest"),
        "cut off": (GOOD.data[: len(GOOD.data) // 2], "truncated"),
        "no package": (b"\x80\x04\x95" + bytes(1000), "not-a-package"),
        "another schema": (
            sign(GOOD.manifest.model_copy(update={"schema_": "davy.model/9"}), contents, signing_key()).data,
            "schema",
        ),
        "another interface": (
            sign(GOOD.manifest.model_copy(update={"interface": "yolo/1"}), contents, signing_key()).data,
            "interface",
        ),
    }


@pytest.mark.proves("P5")
async def test_f20_every_refusal_has_its_cause_and_the_old_model_runs_on(mosquitto, tmp_path):
    async with stand(mosquitto, tmp_path) as at, edge_of(at, tmp_path) as running:
        for title, (data, cause) in forged().items():
            model = GOOD
            if cause in ("interface",):  # its id is that of its own manifest
                model = type("Other", (), {"id": GOOD.manifest.model_copy(update={"interface": "yolo/1"}).id, "data": data})
            await at.desire(model, data=data)
            report = await at.final()
            assert (report.state, report.cause, report.model) == (ModelState.FAILED, cause, ""), title
            assert report.reason
        await at.desire(GOOD, sha256="0" * 64)
        assert (await at.final()).cause == "digest"
        await at.desire(GOOD, size=10**9)
        assert (await at.final()).cause == "too-large"
        ended = signing_key().trusted(1, starts=datetime.now(UTC) - timedelta(days=10))
        KeySet().with_key(ended).save(tmp_path / "trust.json")
        await at.desire(GOOD)
        assert (await at.final()).cause == "key-expired"
        (tmp_path / "trust.json").write_text("{")
        await at.desire(GOOD)
        assert (await at.final()).cause == "trust"
        assert {message.properties["model"] for message in at.frames} == {StillEnhancer().model}
        assert running.value("davy_frames_dropped_total", stage="enhance", reason="error") == 0


async def test_f19_a_replayed_command_is_ignored(mosquitto, tmp_path):
    async with stand(mosquitto, tmp_path) as at, edge_of(at, tmp_path) as running:
        await at.desire(GOOD, Evaluation(probation_s=0), epoch=1)
        await at.desire(None, Evaluation(probation_s=0), epoch=2)
        at.epoch = 2
        assert (await at.final()).model == ""
        old = DesiredModel(epoch=1, model=GOOD.id, sha256=GOOD.sha256, size=len(GOOD.data))
        await at.publish(old.to_bytes())
        await until(lambda: running.value("davy_model_replays_total") == 1)
        for nonsense in (b"", b"{}", b'{"epoch": -1, "model": ""}', b"[" * 10_000, b'{"epoch": 9, "model": "x"}'):
            await at.publish(nonsense)
        await asyncio.sleep(0.3)
        assert (at.reports[-1].epoch, at.reports[-1].model) == (2, "")


async def test_p4_an_edge_boots_offline_on_its_last_good_model(mosquitto, tmp_path):
    async with stand(mosquitto, tmp_path) as at:
        async with edge_of(at, tmp_path):
            await at.desire(bad_package("slow"), Evaluation(probation_s=0))
            await at.final()
        site = site_of("mine://face", width=640, height=360)  # no broker, no aggregator
        openers = {**OPENERS, "mine": Mine().open_source}
        async with edge(site, tmp_path, openers, trust=tmp_path / "trust.json") as running:
            await until(lambda: running.value("davy_frames_enhanced_total") > 3)
            assert running.value("davy_model_epoch") == 1
        pointer = json.loads((tmp_path / "demo/north/models/active.json").read_text())
        assert pointer["model"] == bad_package("slow").id
        (tmp_path / "demo/north/models/packages" / f"{pointer['model']}.zip").write_bytes(b"damaged")
        async with edge(site, tmp_path, openers, trust=tmp_path / "trust.json") as running:
            await until(lambda: running.value("davy_frames_enhanced_total") > 3)
            assert running.value("davy_model_refused_total") == 1
        assert json.loads((tmp_path / "demo/north/models/active.json").read_text())["model"] == ""


async def test_a_newer_desired_model_ends_an_evaluation(mosquitto, tmp_path):
    async with stand(mosquitto, tmp_path) as at, edge_of(at, tmp_path):
        await at.desire(GOOD, Evaluation(probation_s=600))
        await until(lambda: at.reports[-1].state is ModelState.PROBATION, 20)
        await at.desire(None, Evaluation(probation_s=0))
        report = await at.final()
        assert (report.state, report.model) == (ModelState.ACTIVE, "")


async def test_a_key_that_is_revoked_stops_the_model_that_it_signed(mosquitto, tmp_path, monkeypatch):
    monkeypatch.setattr("davy.deployment.package_manager.TRUST_EVERY_S", 0.2)
    async with stand(mosquitto, tmp_path) as at, edge_of(at, tmp_path):
        await at.desire(GOOD, Evaluation(probation_s=0))
        await at.final()
        revoked = signing_key().trusted(30).model_copy(update={"revoked": datetime.now(UTC), "reason": "stolen"})
        KeySet().with_key(revoked).save(tmp_path / "trust.json")
        await until(lambda: at.reports[-1].state is ModelState.ROLLED_BACK)
        assert (at.reports[-1].model, at.reports[-1].cause) == ("", "key-revoked")
