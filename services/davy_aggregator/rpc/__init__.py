"""gRPC services of the aggregator."""
