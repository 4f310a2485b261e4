"""The configuration of an edge while it runs: validation, differences between configurations, and the payload."""
