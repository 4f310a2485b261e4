"""Speed: methods timed in turn, memory, throughput, cameras under load."""
