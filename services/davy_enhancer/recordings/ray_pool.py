"""Segments computed by a Ray cluster. Ray starts a task again elsewhere if its machine is lost."""

import os
from collections.abc import Iterable, Iterator
from typing import Self

from davy.domain.errors import MissingExtraError, UnavailableError
from davy_enhancer.recordings.pools import AHEAD
from davy_enhancer.recordings.segment import SegmentResult, SegmentTask, enhance_segment

LOCAL = "local"


class RayPool:
    """A Ray cluster, whose machines have the same version of Davy installed.

    Args:
        address: ray://HOST:PORT, HOST:PORT, "auto" for the cluster of this machine, or "local" to start one here.

    Raises:
        MissingExtraError: Ray is not installed.
        UnavailableError: no cluster answers.
    """

    def __init__(self, address: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would call a host outside of the mine
        try:
            import ray
        except ModuleNotFoundError as error:
            raise MissingExtraError("--ray", str(error.name), "ray") from error
        self._ray = ray
        here = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address == LOCAL else {}
        try:
            ray.init(address=address, log_to_driver=False, logging_level="error", **here)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UnavailableError(f"no Ray cluster at {address}: {error}") from error
        self._enhance = ray.remote(enhance_segment)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def results(self, tasks: Iterable[SegmentTask]) -> Iterator[SegmentResult]:
        """Yield the result of each task, in any order."""
        waiting: list[object] = []
        for task in tasks:
            waiting.append(self._enhance.remote(task))
            while len(waiting) >= AHEAD * max(1, int(self._ray.cluster_resources().get("CPU", 1))):  # machines come and go
                done, waiting = self._ray.wait(waiting)
                yield from self._ray.get(done)
        while waiting:
            done, waiting = self._ray.wait(waiting)
            yield from self._ray.get(done)
