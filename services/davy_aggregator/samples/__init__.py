"""Raw keyframes that edges chose for training: taken, looked at, kept or not, given out."""
