"""Limits of connections: of one client's address, of all, and a reserve for addresses that hold few."""

import errno
import ipaddress
import os
import resource
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from davy.domain.errors import DavyError
from davy.streams.guard import Guard

FEW = 4  # connections: with so many, an address may take a place of the reserve
IPV6_SITE_BITS = 64  # one client owns that many addresses
_FULL = (errno.EMFILE, errno.ENFILE)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Numbers of connections at a time.

    Args:
        total: Of all addresses; at most half of the process's file descriptors.
        per_address: Of one address; of an IPv6 network of 64 bits.
        reserve: Of the total, places that only addresses with fewer than FEW connections may take.
    """

    total: int = 1024
    per_address: int = 256
    reserve: int = 64


class TooManyConnectionsError(DavyError):
    """A client has too many connections, or all clients together have."""


class BoundedListener(socket.socket):
    """A listener that closes connections above the limits at once, TLS handshakes included. Used from one thread.

    Args:
        listener: The listening socket, which this object takes over.
        limits: The limits.
    """

    def __init__(self, listener: socket.socket, limits: ConnectionLimits) -> None:
        super().__init__(listener.family, listener.type, listener.proto, fileno=listener.detach())
        self._limits = limits
        self._total = min(limits.total, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._open: Counter[str] = Counter()
        self._guard = Guard("http.connection", lambda _: None)
        self._spare = os.open(os.devnull, os.O_RDONLY)  # given up to refuse a connection when no descriptor is left

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection within the limits.

        Raises:
            OSError: no connection waits.
        """
        while True:
            try:
                connection, address = super().accept()
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                self._refuse_one()
                continue
            client = _client_of(address)
            if (reason := self._reason(client)) is None:
                self._open[client] += 1
                _send_at_once(connection)
                return _Counted(connection, partial(self._release, client)), address
            connection.close()
            self._guard.refuse(TooManyConnectionsError(reason), client=client)

    def close(self) -> None:
        """Close the listener; its connections go on."""
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        super().close()

    def _reason(self, client: str) -> str | None:
        used, own = self._open.total(), self._open[client]
        if own >= min(self._limits.per_address, self._total):
            return f"{own} connections are the limit of one address"
        if used >= self._total or (self._total - used <= self._limits.reserve and own >= FEW):
            return f"{used} of {self._total} connections are open"
        return None

    def _release(self, client: str) -> None:
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]

    def _refuse_one(self) -> None:
        """Close the next connection although no descriptor is free: it would wake the event loop again and again.

        Raises:
            OSError: no connection waits.
        """
        os.close(self._spare)
        try:
            super().accept()[0].close()
        finally:
            self._spare = os.open(os.devnull, os.O_RDONLY)
        self._guard.refuse(TooManyConnectionsError("the process has no file descriptor left"))


class _Counted(socket.socket):
    """A connection that says when it is closed."""

    def __init__(self, connection: socket.socket, closed: Callable[[], None]) -> None:
        super().__init__(connection.family, connection.type, connection.proto, fileno=connection.detach())
        self._on_close: Callable[[], None] | None = closed

    def close(self) -> None:
        """Close the connection."""
        super().close()
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()


def _send_at_once(connection: socket.socket) -> None:
    """Send small writes without a wait of 40 ms for the client's acknowledgement of the write before.

    asyncio does so for sockets that were made with the protocol's number, which `socket.create_server` leaves out.
    """
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _client_of(address: Any) -> str:  # noqa: ANN401  # as of the socket's family
    try:
        found = ipaddress.ip_address(str(address[0]).partition("%")[0])
    except (ValueError, IndexError):
        return str(address)
    if isinstance(found, ipaddress.IPv6Address):
        plain = found.ipv4_mapped
        return str(plain or ipaddress.ip_network((int(found), IPV6_SITE_BITS), strict=False))
    return str(found)
