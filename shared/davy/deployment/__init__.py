"""Deployment of signed models in a running process: download, verification, shadow, swap, probation and rollback."""
