"""The company view: many sites on one page, each read from its own aggregator."""
