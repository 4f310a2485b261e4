"""Davy makes the cameras of underground coal mines see: the library."""
