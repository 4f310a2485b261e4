"""Adaptation of the running model to a camera's changed light."""
