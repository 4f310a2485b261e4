"""A real Home Assistant finds cameras, edges and alarms by itself.

HOME_ASSISTANT_PYTHON names a Python that has it: python3.13 -m venv FOLDER, then
FOLDER/bin/pip install homeassistant==2025.4.4 paho-mqtt==2.1.0 ifaddr==0.2.0.
"""

import asyncio
import json
import os
from pathlib import Path

import pytest
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import PICTURE, make_settings, make_site, running, until
from tests.davy_aggregator.rest.test_events import report

from davy.adapters.mqtt.bus import connect
from davy.domain.ports import Message
from davy.domain.topics import ONLINE, EdgeTopics

PYTHON = os.environ.get("HOME_ASSISTANT_PYTHON", "")
SCRIPT = Path(__file__).parents[1] / "fixtures" / "home_assistant.py"
NORTH = EdgeTopics("mine", "north")
FACE = NORTH.camera("face")
FIGURES = {"fps": 9.5, "age_ms": {"p50": 40, "p99": 62}}
SITE = {"north": {"cameras": {"face": {"source": "simulator://face", "label": "Coal face"}}}}
SHOWN = {  # entities, and the states of those that have a fixed one
    "camera.coal_face": "",
    "sensor.coal_face_state": "online",
    "sensor.coal_face_frame_rate": "9.5",
    "sensor.coal_face_age_of_frames": "62",
    "binary_sensor.coal_face_roof_fall": "on",
    "binary_sensor.edge_north_connection": "on",
    "binary_sensor.davy_mine_connection": "on",
    "sensor.davy_mine_unacknowledged_alarms": "",
}

pytestmark = [pytest.mark.system, pytest.mark.slow]


async def send_frames(bus):
    for topic, payload in ((NORTH.status, ONLINE), (FACE.status, json.dumps({"state": "online", "reason": ""}).encode())):
        await bus.publish(Message(topic, payload, qos=1, retain=True))
    while True:
        await bus.publish(Message(FACE.frame, PICTURE, content_type="image/jpeg"))
        await bus.publish(Message(NORTH.stats, json.dumps({"cameras": {"face": FIGURES}}).encode()))
        await asyncio.sleep(0.2)


@pytest.mark.skipif(not PYTHON, reason="HOME_ASSISTANT_PYTHON names no Python with Home Assistant")
async def test_a_real_home_assistant_shows_cameras_states_and_alarms(mosquitto, tmp_path):
    (folder := tmp_path / "home").mkdir()
    settings = make_settings(tmp_path / "data", home_assistant=True)
    async with (
        running(settings, make_site(mosquitto.endpoint, **SITE)) as aggregator,
        connect(mosquitto.endpoint, "edge") as bus,
    ):
        await until(lambda: bus.connected)
        sending = asyncio.create_task(send_frames(bus))
        await report(aggregator, {"kind": "roof-fall", "severity": 3, "camera": "face", "message": "rock moves"})
        ports = (str(mosquitto.port), str(pick_port()))
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        process = await asyncio.create_subprocess_exec(
            PYTHON, str(SCRIPT), str(folder), *ports, *SHOWN, stdout=asyncio.subprocess.PIPE, env=environment
        )
        async with asyncio.timeout(100):
            output, _ = await process.communicate()
        sending.cancel()
    found = json.loads(output)
    assert {name: found[name]["state"] for name in SHOWN if SHOWN[name]} == {
        name: state for name, state in SHOWN.items() if state
    }
    assert found["camera.coal_face"]["bytes"] == len(PICTURE)
    assert found["camera.coal_face"]["device"] == "Coal face"
    assert int(found["sensor.davy_mine_unacknowledged_alarms"]["state"]) >= 1
