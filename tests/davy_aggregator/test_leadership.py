"""Several aggregators of one site over a real broker: one decides, the others stand by."""

import asyncio

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until

from davy.adapters.mqtt.bus import connect
from davy.domain.errors import FolderInUseError
from davy.domain.ports import Message
from davy.domain.topics import EdgeTopics
from davy.twin.configuration import ReportedConfig

pytestmark = pytest.mark.system

NORTH = EdgeTopics("mine", "north")
CONFIG = {"enhance": "here", "cameras": {"face": {"source": "simulator://face", "fps": 7}}}


async def leadership(aggregator) -> str:
    found = (await aggregator.get("/readyz")).json()["dependencies"]
    return next((each["reason"] for each in found if each["name"] == "leadership"), "")


def leads(aggregator) -> bool:
    return aggregator.registry.get_sample_value("davy_aggregator_leads") == 1


async def put(aggregator, fps: int):
    config = {"enhance": "here", "cameras": {"face": {"source": "simulator://face", "fps": fps}}}
    return await aggregator.client.put("/v1/edges/north/config", json={"config": config})


async def test_the_second_aggregator_of_a_site_stands_by_and_names_the_leader(mosquitto, tmp_path):
    site = make_site(mosquitto.endpoint)
    async with running(make_settings(tmp_path / "a", name="first"), site) as first:
        await until(lambda: leads(first))
        async with running(make_settings(tmp_path / "b", name="second"), site) as second:
            reason = await until(lambda: leadership(second))
            assert reason.startswith("standby: first on ")
            assert not leads(second)
            assert await leadership(first) == ""
            refused = await put(second, 7)
            assert refused.status_code == 503
            assert "this aggregator stands by: first on" in refused.json()["detail"]
            assert (await put(first, 7)).status_code == 200


async def test_two_aggregators_that_disagree_publish_no_endless_epochs(mosquitto, tmp_path):
    site, desired = make_site(mosquitto.endpoint), []
    async with running(make_settings(tmp_path / "a"), site) as first:
        await until(lambda: leads(first))
        await put(first, 7)
    async with (
        running(make_settings(tmp_path / "b"), site) as second,
        connect(mosquitto.endpoint, "edge") as edge,
    ):
        await until(lambda: leads(second))
        await put(second, 8)

        async def answer() -> None:  # as an edge does: it reports whatever it is sent
            async for message in edge.subscribe([NORTH.desired_config], qos=1):
                desired.append(message)
                found = ReportedConfig.model_validate(
                    {"epoch": 1, "target": "0" * 64, "state": "active", "config": {}}
                ).model_copy(update={"epoch": len(desired) + 100})
                await edge.publish(Message(NORTH.reported_config, found.to_bytes(), qos=1, retain=True))

        answering = asyncio.create_task(answer())
        async with running(make_settings(tmp_path / "a"), site) as first:  # with another decision of its own
            await until(lambda: leadership(first))
            before = len(desired)
            await asyncio.sleep(1)
            assert not leads(first)
            assert len(desired) - before < 20
        answering.cancel()


async def test_a_standby_takes_over_within_a_second_after_the_leader_ended(mosquitto, tmp_path):
    site = make_site(mosquitto.endpoint)
    async with running(make_settings(tmp_path / "b", name="second"), site) as second:
        await until(lambda: leads(second))
        async with running(make_settings(tmp_path / "a", name="first"), site) as first:
            assert "second" in await until(lambda: leadership(first))
        # the standby has ended: the leader still leads, and says that an aggregator is online
        assert leads(second)
        async with connect(mosquitto.endpoint, "ear") as bus:
            status = bus.subscribe([EdgeTopics("mine", "aggregator").status], qos=1)
            async with asyncio.timeout(5):
                while (await anext(status)).payload != b"online":
                    pass
    third, fourth = make_settings(tmp_path / "c", name="third"), make_settings(tmp_path / "d", name="fourth")
    leaving = running(third, site)
    leader = await leaving.__aenter__()
    await until(lambda: leads(leader))
    async with running(fourth, site) as standby:
        await until(lambda: leadership(standby))
        await leaving.__aexit__(None, None, None)
        await until(lambda: leads(standby), 1)
        assert await leadership(standby) == ""
        assert (await put(standby, 9)).status_code == 200


async def test_the_second_aggregator_on_one_data_folder_names_the_process_that_holds_it(tmp_path):
    async with running(make_settings(tmp_path), make_site()):
        with pytest.raises(FolderInUseError, match=r"is in use by davy aggregator, process \d+ on .* since 20"):
            async with running(make_settings(tmp_path), make_site()):
                pass
    async with running(make_settings(tmp_path), make_site()):
        pass
