"""Desired configurations of the edges, their history, and the reported configurations."""
