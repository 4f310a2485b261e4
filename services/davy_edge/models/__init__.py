"""The model of an edge: download, verification, shadow, swap, probation and rollback."""
