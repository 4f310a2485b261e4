"""The commands of `davy train`."""
