"""What every edge shall be configured as, who said so, and what the edges say about it."""
