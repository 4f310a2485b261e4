"""Davy's own CLIP: its pictures, captions, alignment and evaluation."""
