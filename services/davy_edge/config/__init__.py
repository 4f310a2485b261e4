"""Runtime configuration of an edge: validation, differences between configurations, and the reconciled payload."""
