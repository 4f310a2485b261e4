"""Analysers of enhanced frames, one file each."""
