"""The time of a measurement, which every process shares."""

import asyncio
import time
from dataclasses import dataclass


@dataclass(slots=True)
class Measurement:
    """When counting begins and ends, in Unix time; before it is set nothing counts."""

    start_s: float = float("inf")
    end_s: float = float("inf")

    def counts(self, at_s: float) -> bool:
        """Return whether what happens at a time counts."""
        return self.start_s <= at_s < self.end_s

    async def wait(self, until_s: float) -> None:
        """Sleep until a Unix time."""
        await asyncio.sleep(max(0.0, until_s - time.time()))
