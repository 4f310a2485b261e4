"""The configuration of an edge while it runs: what it is told, whether it can be, what changes."""
