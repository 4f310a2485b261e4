"""Which analyser takes which camera: in proportion to capacities, with as few moves as possible."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
W = TypeVar("W", bound=Hashable)


def assign(cameras: Iterable[K], capacities: Mapping[W, int], current: Mapping[K, W]) -> dict[K, W]:
    """Assign each camera to one worker.

    A worker's load is its cameras by its capacity. A camera stays where it is, unless its worker is gone, or another would
    be below its load even with one camera more.

    Args:
        cameras: In an order that stays the same.
        capacities: By worker, at least 1; empty assigns nothing.
        current: The assignment before.

    Returns:
        The worker of every camera.
    """
    if not capacities:
        return {}
    wanted = list(dict.fromkeys(cameras))
    assigned = {camera: current[camera] for camera in wanted if current.get(camera) in capacities}
    owned: dict[W, list[K]] = {worker: [] for worker in capacities}
    for camera, worker in assigned.items():
        owned[worker].append(camera)

    def load(worker: W, more: int = 0) -> float:
        return (len(owned[worker]) + more) / capacities[worker]

    def least() -> W:
        return min(owned, key=lambda worker: load(worker, 1))

    for camera in wanted:
        if camera not in assigned:
            assigned[camera] = least()
            owned[assigned[camera]].append(camera)
    while load(fullest := max(owned, key=load)) > load(emptiest := least(), 1):
        moved = owned[fullest].pop()
        owned[emptiest].append(moved)
        assigned[moved] = emptiest
    return assigned
