"""Desired and reported state of edges, once for every payload: `reconciler` runs on the edge, `publisher` in the cloud."""
