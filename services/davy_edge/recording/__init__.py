"""The ring: the last hours of video of each camera on the edge's disk, and its way to the aggregator."""
