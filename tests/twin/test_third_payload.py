"""A payload of its own file, driven through a real broker: edge and cloud, as configuration and model are."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry
from tests.fixtures.edges import until
from tests.twin.lamp import DesiredLamp, Lamp, LampDecisions, LampPointer, ReportedLamp

from davy.adapters import mqtt
from davy.domain.ports import Bus, Message
from davy.domain.topics import EdgeTopics
from davy.twin.metrics import TwinMetrics
from davy.twin.publisher import Publisher
from davy.twin.state_file import StateFile

TOPICS = EdgeTopics("demo", "north")


@dataclass
class Bench:
    lamp: Lamp
    decisions: LampDecisions
    service: Publisher[DesiredLamp, ReportedLamp]
    registry: CollectorRegistry
    events: list[str] = field(default_factory=list)

    async def decide(self, edge: str, percent: int) -> None:
        self.decisions.desired[edge] = DesiredLamp(epoch=self.service.epoch_of(edge) + 1, percent=percent)
        self.service.publish(edge)

    @property
    def reported(self) -> ReportedLamp:
        return self.service.reported.get("north", ReportedLamp())

    async def settled(self, epoch: int, state: str) -> ReportedLamp:
        await until(lambda: (self.reported.epoch, self.reported.state) == (epoch, state))
        return self.reported

    def count(self, decision: str) -> float:
        labels = {"edge": "north", "verdict": decision}
        return self.registry.get_sample_value("davy_lamp_desired_total", labels) or 0.0


def open_lamp(folder: Path, registry: CollectorRegistry, events: list[str]) -> Lamp:
    def record_event(kind: str, message: str, severity: int, *, figures=None) -> None:
        events.append(kind)

    file = StateFile(folder, LampPointer())
    return Lamp(TOPICS, "boot", file, TwinMetrics("lamp", "north", registry), record_event)


@asynccontextmanager
async def bench(mosquitto, folder: Path):
    registry, events = CollectorRegistry(), []

    async def store_event(kind, message, severity, *, figures=None) -> None:
        events.append(kind)

    lamp = open_lamp(folder, registry, events)
    decisions = LampDecisions()

    def count_refused(error: Exception) -> None:
        events.append(type(error).__name__)

    service = Publisher("lamp", ReportedLamp, decisions, "demo", lambda edge: True, store_event, count_refused)

    async def greet_edge(bus: Bus) -> None:
        await bus.publish(lamp.reported())

    async def greet_cloud(bus: Bus) -> None:
        service.republish_all()

    async with (
        mqtt.connect(mosquitto.endpoint, "edge", on_connect=greet_edge) as edge_bus,
        mqtt.connect(mosquitto.endpoint, "cloud", on_connect=greet_cloud) as cloud_bus,
    ):
        works = [asyncio.create_task(lamp.run(edge_bus)), asyncio.create_task(service.run(cloud_bus))]
        try:
            await until(lambda: edge_bus.connected and cloud_bus.connected)
            yield Bench(lamp, decisions, service, registry, events)
        finally:
            for work in works:
                work.cancel()
            await asyncio.wait(works)


async def test_a_desired_state_is_applied_persisted_and_reported(mosquitto, tmp_path):
    async with bench(mosquitto, tmp_path) as at:
        await at.decide("north", 40)
        assert (await at.settled(1, "on")).percent == 40
    assert open_lamp(tmp_path, CollectorRegistry(), []).running == 40  # offline


async def test_an_invalid_state_is_refused_with_a_reason_and_the_old_one_runs(mosquitto, tmp_path):
    async with bench(mosquitto, tmp_path) as at:
        await at.decide("north", 40)
        await at.settled(1, "on")
        await at.decide("north", 400)
        report = await at.settled(2, "refused")
        assert (report.percent, report.reason) == (40, "percent: 400 is not in 0 to 100")
        assert (at.count("rejected"), at.events[-1]) == (1, "lamp-refused")


async def test_a_state_that_cannot_be_applied_is_reverted(mosquitto, tmp_path):
    async with bench(mosquitto, tmp_path) as at:
        await at.decide("north", 40)
        await at.settled(1, "on")
        await at.decide("north", 99)
        report = await at.settled(2, "reverted")
        assert (report.percent, report.reason) == (40, "RuntimeError: the fuse has blown")
        assert at.events[-1] == "lamp-reverted"


async def test_a_replay_and_an_unreadable_message_change_nothing(mosquitto, tmp_path):
    async with bench(mosquitto, tmp_path) as at:
        for percent in (40, 50):
            await at.decide("north", percent)
            await at.settled(at.decisions.desired["north"].epoch, "on")
        async with mqtt.connect(mosquitto.endpoint, "eve") as bus:
            await until(lambda: bus.connected)
            for payload in (DesiredLamp(epoch=1, percent=40).to_bytes(), b"{"):
                await bus.publish(Message(TOPICS.desired("lamp"), payload, 1))
        await until(lambda: (at.count("replayed"), at.count("unreadable")) == (1, 1))
        assert at.lamp.running == 50


async def test_an_edge_that_reports_a_higher_epoch_gets_the_decision_above_it(mosquitto, tmp_path):
    StateFile(tmp_path, LampPointer()).update(epoch=7, target="10", active=10, state="on")
    async with bench(mosquitto, tmp_path) as at:
        at.decisions.desired["north"] = DesiredLamp(epoch=3, percent=60)
        at.lamp.report_progress()
        assert (await at.settled(8, "on")).percent == 60


async def test_another_state_of_the_same_epoch_is_decided_again(mosquitto, tmp_path):
    StateFile(tmp_path, LampPointer()).update(epoch=3, target="10", active=10, state="on")
    async with bench(mosquitto, tmp_path) as at:
        at.decisions.desired["north"] = DesiredLamp(epoch=3, percent=60)
        at.lamp.report_progress()
        assert (await at.settled(4, "on")).percent == 60


async def test_a_broker_that_lost_everything_gets_both_states_again(mosquitto, tmp_path):
    async with bench(mosquitto, tmp_path) as at:
        await at.decide("north", 40)
        await at.settled(1, "on")
        mosquitto.kill()
        await at.decide("north", 70)
        mosquitto.start()
        assert (await at.settled(2, "on")).percent == 70


async def test_a_state_in_which_the_edge_ends_again_and_again_is_reverted(tmp_path):
    StateFile(tmp_path, LampPointer()).update(epoch=1, target="5", active=5, previous=4, state="trying", attempts=3)
    events: list[str] = []
    lamp = open_lamp(tmp_path, CollectorRegistry(), events)
    assert (lamp.running, lamp.pointer.state, events) == (4, "reverted", ["lamp-reverted"])
    assert "ended 3 times" in lamp.pointer.reason
