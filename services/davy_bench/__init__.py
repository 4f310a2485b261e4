"""Benches: how good the pictures are, beside classical methods, on folders, on the simulated mine, on relit photographs."""
