"""The `davy` command: one program per word, and the operator's commands."""
