"""Methods that are compared: classical ones, Davy, and learned peers."""
