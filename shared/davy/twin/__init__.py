"""Desired and reported state of edges: what an operator wants, what an edge says it runs."""
