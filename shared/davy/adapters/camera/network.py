"""Connections to cameras, only to addresses that the source policy of the edge allows."""

import ipaddress
import socket
from urllib.parse import urlsplit, urlunsplit

from davy.domain.source import ANY_SOURCE, InvalidSourceError, Source, SourcePolicy


def allowed_addresses(host: str, port: int, policy: SourcePolicy) -> list[str]:
    """Resolve a host. Blocks.

    Returns:
        The allowed addresses, in the order of the resolver.

    Raises:
        OSError: the name cannot be resolved.
        InvalidSourceError: none of its addresses is allowed.
    """
    addresses = dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    allowed, rejected = [], None
    for address in addresses:
        try:
            policy.check_address(host, ipaddress.ip_address(address.partition("%")[0]))
            allowed.append(address)
        except InvalidSourceError as error:
            rejected = error
    if not allowed:
        raise rejected or InvalidSourceError("the name of the camera has no address")
    return allowed


def connect(host: str, port: int, timeout_s: float, policy: SourcePolicy) -> socket.socket:
    """Open a TCP connection to an allowed address of a host; raises the same errors as `allowed_addresses`."""
    *others, last = allowed_addresses(host, port, policy)
    for address in others:
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError:
            continue
    return socket.create_connection((last, port), timeout_s)


def pin_address(source: Source, policy: SourcePolicy) -> str:
    """Replace the host name of the source's URL by an allowed address, so that FFmpeg does not resolve it again."""
    policy.check(source)
    if policy is ANY_SOURCE or source.host in policy.hosts:
        return source.text
    url_parts = urlsplit(source.text)
    address = allowed_addresses(source.host, url_parts.port or 0, policy)[0]
    login, at, _ = url_parts.netloc.rpartition("@")
    host = f"[{address}]" if ":" in address else address
    port = f":{url_parts.port}" if url_parts.port is not None else ""
    return urlunsplit(url_parts._replace(netloc=f"{login}{at}{host}{port}"))
