"""Desired and reported state, once for every payload: `reconciler` on an edge or enhancer, `publisher` in the cloud."""
