"""WS-Discovery 1.0: a probe on every network of this machine, and the answers to it.

The package WSDiscovery writes and reads the messages. Its threads are not used: a malformed number ends them, and they do not
tell who answered. Only IPv4, which ONVIF requires of every device.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from urllib.parse import unquote, urlsplit

import defusedxml
import ifaddr
from defusedxml import ElementTree
from wsdiscovery.actions import constructProbe
from wsdiscovery.actions.probematch import ProbeResolveMatch
from wsdiscovery.message import createSOAPMessage, parseSOAPMessage
from wsdiscovery.qname import QName

from davy.adapters.onvif.text import plain_text
from davy.domain.network_camera import NetworkCamera

GROUP = "239.255.255.250"
VIDEO = QName("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter", "dn")  # ONVIF core, 7.3
DEVICE = QName("http://www.onvif.org/ver10/device/wsdl", "Device", "tds")  # some cameras answer to it alone
REPEATS, REPEAT_AFTER_S = 2, 0.3  # a datagram may be lost
MAX_ANSWERS = 512  # datagrams that are read in one search
SCOPE = "onvif://www.onvif.org/"


async def probe(found: Callable[[NetworkCamera], None], seconds: float, port: int) -> None:
    """Search for cameras.

    Args:
        found: Called for each answer of a camera; one camera may answer several times.
        seconds: How long answers are awaited.
        port: UDP port of the search.
    """
    probes = [constructProbe([kind], []) for kind in (VIDEO, DEVICE)]
    listener = _Listener(found, {each.getMessageId() for each in probes})
    messages = [createSOAPMessage(each).encode() for each in probes]
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        transports = []
        for address in _own_addresses():
            with suppress(OSError):  # a network without multicast
                opened = _open(address)
                transport, _ = await loop.create_datagram_endpoint(lambda: listener, sock=opened)
                stack.callback(transport.close)
                transports.append(transport)
        for _ in range(REPEATS):
            for transport in transports:
                for message in messages:
                    transport.sendto(message, (GROUP, port))
            await asyncio.sleep(min(REPEAT_AFTER_S, seconds / 2))
        await asyncio.sleep(max(seconds - REPEATS * REPEAT_AFTER_S, seconds / 2))


def _own_addresses() -> list[str]:
    return [str(each.ip) for adapter in ifaddr.get_adapters() for each in adapter.ips if each.is_IPv4]


def _open(address: str) -> socket.socket:
    """A socket that sends to the network of one own address, and gets the answers to it."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.bind((address, 0))
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    except OSError:
        opened.close()
        raise
    return opened


class _Listener(asyncio.DatagramProtocol):
    """Reads answers to the probes; everything else is ignored."""

    def __init__(self, found: Callable[[NetworkCamera], None], probes: set[str]) -> None:
        self._found, self._probes, self._left = found, probes, MAX_ANSWERS

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._left <= 0:
            return
        self._left -= 1
        for camera in read_answer(data, addr[0], self._probes):
            self._found(camera)

    def error_received(self, exc: Exception) -> None:
        """Ignore a network that takes no multicast."""


def read_answer(data: bytes, address: str, probes: set[str]) -> list[NetworkCamera]:
    """Read a datagram.

    Args:
        data: What arrived.
        address: Who sent it. What it announces of other hosts is ignored.
        probes: Ids of the probes that were sent.

    Returns:
        The cameras in it; empty for anything else.
    """
    try:
        ElementTree.fromstring(data, forbid_dtd=True)
        envelope = parseSOAPMessage(data, address)
        if envelope is None or envelope.getRelatesTo() not in probes:
            return []
        return [_camera(match, address) for match in envelope.getProbeResolveMatches()[:1] if _is_camera(match)]
    except (defusedxml.DefusedXmlException, ElementTree.ParseError, AttributeError, LookupError, ValueError, TypeError):
        return []  # no message, or one that lacks what each must have


def _is_camera(match: ProbeResolveMatch) -> bool:
    names = {each.getLocalname() for each in match.getTypes()}
    return bool(names & {VIDEO.getLocalname(), DEVICE.getLocalname()}) or bool(_scopes(match))


def _camera(match: ProbeResolveMatch, address: str) -> NetworkCamera:
    services = [urlsplit(each) for each in match.getXAddrs()]
    own = [each for each in services if each.hostname == address and each.scheme in ("http", "https")]
    chosen = min(own, key=lambda each: each.scheme, default=None)  # http first: few cameras have a certificate that is checked
    secure = chosen is not None and chosen.scheme == "https"
    port = (chosen.port if chosen else None) or (443 if secure else 80)
    scopes = _scopes(match)
    return NetworkCamera(address, port, secure, name=scopes.get("name", ""), model=scopes.get("hardware", ""))


def _scopes(match: ProbeResolveMatch) -> dict[str, str]:
    """What a camera tells anybody: name, hardware, location. ONVIF core, 7.3.2.2."""
    parts = [
        each.getValue().removeprefix(SCOPE).partition("/") for each in match.getScopes() if each.getValue().startswith(SCOPE)
    ]
    return {key: plain_text(unquote(value)) for key, _, value in parts}
