"""One camera's frames from capture to the sinks: threads, latest slots, deadlines, accounting."""
