"""The page on many sites: its bridge carries statuses and alarms to the company's broker, and nothing else."""

import asyncio
import re
from pathlib import Path

import pytest
from tests.conftest import Mosquitto, pick_port
from tests.davy_aggregator.conftest import until
from tests.docs.commands import ROOT

from davy.adapters.mqtt.bus import connect
from davy.domain.ports import Message

PAGE = ROOT / "docs" / "how-to" / "many-sites.md"
SENT = {
    "davy/v1/north/west/status": b"online",
    "davy/v1/north/west/cam/face/status": b'{"state": "online"}',
    "davy/v1/north/aggregator/alarms": b"{}",
    "davy/v1/north/aggregator/alarm/lens-blocked:west.face": b"{}",
}
KEPT = {
    "davy/v1/north/west/cam/face/frame": b"jpeg",
    "davy/v1/north/west/desired/config": b"password",
    "davy/v1/south/west/status": b"online",
}


def bridge(port: int) -> str:
    """The lines of the page, with the address of a company's broker without TLS."""
    (text,) = re.findall(r"```text\n(connection company\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    plain = re.sub(r"^(bridge_cafile|remote_).*\n", "", text, flags=re.MULTILINE)
    return plain.replace("company.example:8883", f"127.0.0.1:{port}")


async def publish(endpoint: str, messages: dict[str, bytes]) -> None:
    async with connect(endpoint, "mine") as bus:
        await until(lambda: bus.connected)
        for topic, payload in messages.items():
            await bus.publish(Message(topic, payload, qos=1, retain=True))


@pytest.mark.system
async def test_a_mine_sends_statuses_and_alarms_to_the_company_and_after_an_outage_the_newest(mosquitto, tmp_path: Path):
    config, port = tmp_path / "mine.conf", pick_port()
    listener = f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
    config.write_text(
        listener + bridge(mosquitto.port).replace("connection company\n", "connection company\nrestart_timeout 1 1\n")
    )
    mine, heard = Mosquitto(port, config), {}

    async def listen() -> None:
        async with connect(mosquitto.endpoint, "company") as bus:
            async for message in bus.subscribe(["davy/#"], qos=1):
                heard[message.topic] = message.payload

    task = asyncio.create_task(listen())
    try:
        mine.start()
        await publish(mine.endpoint, KEPT | SENT)
        await until(lambda: heard.keys() >= SENT.keys(), 10)
        assert heard == SENT
        mosquitto.kill()
        await publish(mine.endpoint, {"davy/v1/north/west/status": b"offline"})
        mosquitto.start()
        await until(lambda: heard["davy/v1/north/west/status"] == b"offline", 20)
    finally:
        task.cancel()
        mine.kill()
