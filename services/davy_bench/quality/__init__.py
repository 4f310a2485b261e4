"""Picture quality: scores, flicker, checks, tables, plots and sheets."""
