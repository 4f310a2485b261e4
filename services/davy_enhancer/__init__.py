"""The enhancement service: REST, gRPC, and the pool that turns raw camera frames from MQTT into enhanced ones."""
