"""Generated from proto/davy/v1 by `make proto`."""
