"""The desired configuration of every edge, its history, and the configuration that each edge reports."""
