"""MQTT 5: the reconnecting bus, frame messages, and Mosquitto's access list."""

from davy.adapters.mqtt.bus import MqttBus, connect
from davy.adapters.mqtt.subscription import Subscription

__all__ = ["MqttBus", "Subscription", "connect"]
