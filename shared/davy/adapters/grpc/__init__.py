"""gRPC: the server, clients of each service, protobuf messages from and to domain values."""
