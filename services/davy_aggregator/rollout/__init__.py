"""Rollouts of models to edges in waves, with rollback; the desired and reported model of every edge."""
