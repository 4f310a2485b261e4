"""A real MQTT 5 broker and a real Redis-protocol server from PyPI, for the demo."""
