"""Brings a model to the edges in waves, and back: the aggregator's half of desired and reported state."""
