"""The loop, as one story: light changes, drift rises, a run starts by itself, the fleet takes the new model; bad ones not."""
