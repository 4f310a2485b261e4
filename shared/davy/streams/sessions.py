"""Numbers of edges' streams that grow over all replicas of a site.

Source: Kulkarni et al., "Logical Physical Clocks and Consistent Snapshots in Globally Distributed Databases" (2014).
"""

import time


class Sessions:
    """A hybrid logical clock: a new number is above every number that this process knows of, and about Unix time in ns.

    A stream that moves to another replica so has a higher number there, whatever the two clocks show.
    """

    def __init__(self) -> None:
        self.newest = 0

    def next(self) -> int:
        """Return the number of a stream that begins now."""
        self.newest = max(self.newest + 1, time.time_ns())
        return self.newest

    def observe(self, number: int) -> None:
        """Learn the number of a stream of another replica."""
        self.newest = max(self.newest, number)
