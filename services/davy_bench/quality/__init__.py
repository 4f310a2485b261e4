"""Picture quality: metrics, flicker, checks, tables, plots and contact sheets."""
