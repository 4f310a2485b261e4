"""Tasks of the aggregator for this edge."""
