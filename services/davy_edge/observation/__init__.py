"""Observation of a camera's light: drift of the model, and samples for training."""
