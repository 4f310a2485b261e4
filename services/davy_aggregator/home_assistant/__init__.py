"""Cameras, edges and alarms as devices of Home Assistant, by its MQTT discovery."""

from davy_aggregator.home_assistant.publisher import HomeAssistant

__all__ = ["HomeAssistant"]
