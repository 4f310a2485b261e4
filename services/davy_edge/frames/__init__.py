"""Frames of one camera from capture to the sinks: threads, latest slots, deadlines, accounting."""
