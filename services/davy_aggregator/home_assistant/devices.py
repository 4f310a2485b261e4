"""Discovery messages of Home Assistant: one device per camera, per edge and for the site.

Source: home-assistant.io/integrations/mqtt, "Device discovery", of Home Assistant 2024.11 and later.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from davy.domain.alarms import AlarmPoint
from davy.domain.camera import CameraAddress
from davy.domain.topics import AGGREGATOR, OFFLINE, ONLINE, AlarmTopics, EdgeTopics

Entities = Mapping[str, Mapping[str, Any]]
"""Entities of a device by their name within it."""

STATS_EXPIRE_S = 35  # three reports of an edge
STATES = ("online", "offline", "stalled", "error")
ACTIVE = "('unacknowledged', 'acknowledged')"  # the states of an alarm whose condition holds, by ISA-18.2
URL = "https://arxiv.org/abs/2502.19450"


def device_id(site: str, name: str) -> str:
    """The id of a device: of a camera "edge.camera", of an edge, or of the aggregator. Underscores separate the ids."""
    return f"davy_{site}_{name.replace('.', '_')}"


def camera_device(camera: CameraAddress, label: str, district: str, alarms: Entities) -> dict[str, Any]:
    """The device of one camera: picture, state, rate, age, and its alarms."""
    edge = EdgeTopics(camera.site, camera.edge)
    topics = edge.camera(camera.camera)
    own = device_id(camera.site, camera.key)
    edge_is_online = _online(edge.status)
    is_online = {**_online(topics.status), "value_template": "{{ value_json.state }}"}
    stats = {
        "platform": "sensor",
        "state_topic": edge.stats,
        "state_class": "measurement",
        "entity_category": "diagnostic",
        "expire_after": STATS_EXPIRE_S,
        "availability": [edge_is_online],
    }
    figures = f"(value_json.cameras['{camera.camera}'] | default({{}}))"
    entities: dict[str, Mapping[str, Any]] = {
        "picture": {
            "platform": "camera",
            "name": None,  # the device's own
            "topic": topics.frame,
            "availability": [edge_is_online, is_online],
            "availability_mode": "all",
        },
        "state": {
            "platform": "sensor",
            "name": "State",
            "device_class": "enum",
            "options": STATES,
            "state_topic": topics.status,
            "value_template": "{{ value_json.state }}",
            "json_attributes_topic": topics.status,
            "availability": [edge_is_online],
        },
        "fps": stats
        | {
            "name": "Frame rate",
            "unit_of_measurement": "fps",
            "value_template": f"{{{{ {figures}.fps | default('None') }}}}",
        },
        "age": stats
        | {
            "name": "Age of frames",
            "device_class": "duration",
            "unit_of_measurement": "ms",
            "value_template": f"{{{{ ({figures}.age_ms | default({{}})).p99 | default('None') }}}}",
        },
    }
    about = {"name": label or camera.camera, "model": "Camera", "via_device": device_id(camera.site, camera.edge)}
    return _device(own, about | ({"suggested_area": district} if district else {}), {**entities, **alarms})


def edge_device(site: str, edge: str, alarms: Entities) -> dict[str, Any]:
    """The device of an edge: its connection, and its alarms."""
    about = {"name": f"Edge {edge}", "model": "Edge", "via_device": device_id(site, AGGREGATOR)}
    return _device(device_id(site, edge), about, {"connection": _connection(EdgeTopics(site, edge).status), **alarms})


def site_device(site: str, alarms: Entities) -> dict[str, Any]:
    """The device of a site: the connection of its aggregator, the number of unacknowledged alarms, and its own alarms."""
    status = EdgeTopics(site, AGGREGATOR).status
    waiting = {
        "platform": "sensor",
        "name": "Unacknowledged alarms",
        "state_topic": AlarmTopics(site).counts,
        "state_class": "measurement",
        "value_template": "{{ value_json.unacknowledged }}",
        "json_attributes_topic": AlarmTopics(site).counts,
        "availability": [_online(status)],
    }
    about = {"name": f"Davy {site}", "model": "Site"}
    entities = {"connection": _connection(status), "unacknowledged": waiting, **alarms}
    return _device(device_id(site, AGGREGATOR), about, entities)


def alarm_entity(site: str, point: AlarmPoint, title: str) -> tuple[str, Mapping[str, Any]]:
    """The name of an alarm within the device of its source, and its binary sensor: on while the condition holds."""
    topic = AlarmTopics(site, point.id).state
    return "_".join(part for part in ("alarm", point.kind, point.part) if part), {
        "platform": "binary_sensor",
        "name": f"{title} ({point.part})" if point.part else title,
        "device_class": "problem",
        "state_topic": topic,
        "value_template": f"{{{{ 'ON' if value_json.state in {ACTIVE} else 'OFF' }}}}",
        "json_attributes_topic": topic,
        "availability": [_online(EdgeTopics(site, AGGREGATOR).status)],
    }


def _online(topic: str) -> dict[str, str]:
    return {"topic": topic, "payload_available": ONLINE.decode(), "payload_not_available": OFFLINE.decode()}


def _connection(topic: str) -> Mapping[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": "Connection",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": topic,
        "payload_on": ONLINE.decode(),
        "payload_off": OFFLINE.decode(),
    }


def _device(own: str, about: Mapping[str, str], entities: Entities) -> dict[str, Any]:
    return {
        "device": {"identifiers": [own], "manufacturer": "Davy", "sw_version": version("davy"), **about},
        "origin": {"name": "davy", "sw_version": version("davy"), "support_url": URL},
        "components": {name: {**entity, "unique_id": f"{own}_{name}"} for name, entity in entities.items()},
    }
