"""Connections to cameras: to the addresses that the edge's source policy allows, whatever a name or a redirect says."""

import ipaddress
import socket
from urllib.parse import urlsplit, urlunsplit

from davy.domain.source import ANY_SOURCE, InvalidSourceError, Source, SourcePolicy


def allowed_addresses(host: str, port: int, policy: SourcePolicy) -> list[str]:
    """Resolve a host. Blocks.

    Returns:
        Its addresses that the policy allows, in the resolver's order.

    Raises:
        OSError: the name cannot be resolved.
        InvalidSourceError: none of its addresses is allowed.
    """
    found = dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    allowed, refused = [], None
    for address in found:
        try:
            policy.check_address(host, ipaddress.ip_address(address.partition("%")[0]))
            allowed.append(address)
        except InvalidSourceError as error:
            refused = error
    if not allowed:
        raise refused or InvalidSourceError("the name of the camera leads to no address")
    return allowed


def connect(host: str, port: int, timeout_s: float, policy: SourcePolicy) -> socket.socket:
    """Open a TCP connection to an allowed address of a host; also raises what `allowed_addresses` raises."""
    *others, last = allowed_addresses(host, port, policy)
    for address in others:
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError:
            continue
    return socket.create_connection((last, port), timeout_s)


def pinned(source: Source, policy: SourcePolicy) -> str:
    """Return the source's URL with an allowed address in place of its host name: FFmpeg would resolve it once more."""
    policy.check(source)
    if policy is ANY_SOURCE or source.host in policy.hosts:
        return source.text
    parts = urlsplit(source.text)
    address = allowed_addresses(source.host, parts.port or 0, policy)[0]
    login, at, _ = parts.netloc.rpartition("@")
    shown = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port is not None else ""
    return urlunsplit(parts._replace(netloc=f"{login}{at}{shown}{port}"))
