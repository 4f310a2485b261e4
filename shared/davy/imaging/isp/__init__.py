"""Differentiable operators of the image signal processor: pure functions on display-encoded RGB, one file each."""
