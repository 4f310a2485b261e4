"""The enhancement service: REST, gRPC, and a pool member that enhances raw camera frames over MQTT."""
