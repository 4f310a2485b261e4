"""Rollouts: a model goes to the edges in waves, and back if it fails. The desired and reported model of every edge."""
