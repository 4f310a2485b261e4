"""Where a service that speaks HTTP and gRPC listens."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ports:
    """The real ports."""

    http: int
    grpc: int


def announcer(ready: Callable[[Ports], None] | None) -> Callable[[str, int], None]:
    """A function of a port's name and number that calls ready once both are known."""
    known: dict[str, int] = {}

    def announce(name: str, port: int) -> None:
        known[name] = port
        if ready and len(known) == 2:
            ready(Ports(**known))

    return announce
