"""Addresses that a server listens on."""

import os
import socket

from davy.domain.errors import AddressUnavailableError

BACKLOG = 256


def listen(host: str, port: int) -> socket.socket:
    """Open a TCP listener; port 0 chooses a free one.

    Raises:
        AddressUnavailableError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise unavailable(host, port, error) from error


def unavailable(host: str, port: int, error: OSError) -> AddressUnavailableError:
    """Return the error for an address that cannot be listened on, with the system's own reason."""
    number = error.errno or 0  # negative after a failed look-up of a name
    return AddressUnavailableError(target(host, port), os.strerror(number) if number > 0 else error.strerror or str(error))


def target(host: str, port: int) -> str:
    """Return host:port, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
