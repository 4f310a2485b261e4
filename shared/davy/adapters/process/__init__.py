"""Processes of our own with limits: a shim that sets them, and calls in a process that foreign data may end."""
