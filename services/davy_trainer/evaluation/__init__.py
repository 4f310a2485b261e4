"""Evaluation: validation figures, comparisons, ablations, embedding drift, sheets."""
