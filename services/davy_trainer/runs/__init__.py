"""A training run on disk: checkpoints, logs, progress, exported weights, packages."""
