"""MQTT 5: the reconnecting bus, frame messages, and a Mosquitto broker's access list."""

from davy.adapters.mqtt.bus import MqttBus, Subscription, connect

__all__ = ["MqttBus", "Subscription", "connect"]
