"""Recordings of the aggregator: by rule from live video, and from the edges' rings where that has gaps."""
