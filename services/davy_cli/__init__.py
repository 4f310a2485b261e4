"""The `davy` command: the tree of programs, and the operator's commands."""
