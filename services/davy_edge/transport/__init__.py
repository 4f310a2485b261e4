"""The edge's wires: live frames over MQTT and gRPC, events from disk to the aggregator."""
