"""The scenario: light changes, drift rises, a training run starts, the edges get the new model; bad models are rolled back."""
