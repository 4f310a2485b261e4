"""Durable stores, the edge's spools, the model registry, and the frame cache."""
