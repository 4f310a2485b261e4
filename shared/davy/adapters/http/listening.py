"""The ports of a service that serves HTTP and gRPC."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that the service listens on."""

    http: int
    grpc: int


def announcer(ready: Callable[[Ports], None] | None) -> Callable[[str, int], None]:
    """Return a function of a port's name and number; it calls ready once both are known."""
    known: dict[str, int] = {}

    def announce(name: str, port: int) -> None:
        known[name] = port
        if ready and len(known) == 2:
            ready(Ports(**known))

    return announce
