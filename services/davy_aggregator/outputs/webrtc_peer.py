"""One WebRTC viewer, by aiortc. Everything here runs on the loop of the media thread."""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCRtpSender
from aiortc import RTCSessionDescription as SessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError

from davy.domain.video import VideoPacket
from davy.streams.packets import PacketQueue
from davy_aggregator.outputs.errors import InvalidOfferError, NoPortError
from davy_aggregator.outputs.sdp import with_addresses, without_candidates

CONNECT_S = 15.0  # from the answer to the first packet
CLOCK = Fraction(1, 90_000)  # of RTP's time stamps (RFC 6184)
# aiortc's parser trusts an offer: a malformed one ends it in one of these.
MALFORMED = (
    *(ValueError, LookupError, AttributeError, TypeError, AssertionError, RuntimeError),
    *(InvalidAccessError, InvalidStateError, OperationError),
)
MAX_WAITING_S = 1.0  # a viewer whose packets wait longer jumps to the next key frame


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """How viewers reach this server.

    Args:
        addresses: Local addresses that take packets; empty for all but loopback.
        announced: Addresses that viewers are told instead.
        servers: STUN and TURN servers.
    """

    addresses: tuple[str, ...] = ()
    announced: tuple[str, ...] = ()
    servers: tuple[RTCIceServer, ...] = ()


class PacketTrack(MediaStreamTrack):
    """A track of packets that are encoded already."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.queue = PacketQueue(max_s=MAX_WAITING_S)
        self.stamp: Callable[[], int] = lambda: 0  # the RTP time stamp of what was sent last
        self.sent: tuple[int, VideoPacket] | None = None
        self._given: VideoPacket | None = None
        self._began_ns = 0

    async def recv(self) -> "av.Packet[Any]":
        """Wait for the next packet."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._given is not None:
            self.sent = self.stamp(), self._given  # the sender asks for the next packet once it has sent one
        found = await self.queue.take()
        self._began_ns = self._began_ns or found.captured_ns
        packet = av.Packet(found.data)
        packet.pts = max(0, (found.captured_ns - self._began_ns) * 9 // 100_000)
        packet.time_base = CLOCK
        self._given = found
        return packet


class Peer:
    """A connection to one viewer.

    Args:
        ask_for_key: Called when the viewer cannot decode, or has lost packets.
        ended: Called once when the connection is over.
    """

    def __init__(self, settings: PeerSettings, ask_for_key: Callable[[], None], ended: Callable[[], None]) -> None:
        self._settings, self._ask_for_key, self._ended = settings, ask_for_key, ended
        configuration = RTCConfiguration(list(settings.servers), bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self._connection, self.track = RTCPeerConnection(configuration), PacketTrack()
        self._connected = asyncio.Event()
        self._connection.on("connectionstatechange", self._changed)
        self._closing: asyncio.Task[None] | None = None

    async def answer(self, offer: str) -> str:
        """Return the answer to an offer; the connection comes up afterwards.

        Raises:
            InvalidOfferError: it cannot be answered.
            NoPortError: no UDP port is free.
        """
        try:
            self._add_h264()
            await self._connection.setRemoteDescription(SessionDescription(without_candidates(offer), "offer"))
            self._listen_on_chosen_addresses()
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except MALFORMED as error:
            raise InvalidOfferError(str(error) or type(error).__name__) from error
        if "a=candidate:" not in self._connection.localDescription.sdp:
            raise NoPortError
        self._give_up = asyncio.get_running_loop().call_later(CONNECT_S, self._give_up_unconnected)
        return with_addresses(self._connection.localDescription.sdp, self._settings.announced)

    def _add_h264(self) -> None:
        transceiver = self._connection.addTransceiver(self.track, direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType in ("video/H264", "video/rtx")])
        sender: Any = transceiver.sender
        self.track.stamp = lambda: sender._RTCRtpSender__rtp_timestamp  # its origin is random
        sender._send_keyframe = self._ask_for_key  # what PLI and FIR call

    def _listen_on_chosen_addresses(self) -> None:
        if not (chosen := list(self._settings.addresses)):
            return
        for transceiver in self._connection.getTransceivers():
            _gather_on(transceiver.sender.transport.transport._connection, chosen)

    def put(self, packet: VideoPacket) -> None:
        """Send a packet, once connected; the first one is a key frame."""
        if self._connected.is_set() and not self.track.queue.put(packet) and self.track.queue.needs_key:
            self._ask_for_key()

    def timing(self) -> dict[str, int] | None:
        """Return the time stamp of the newest packet as the viewer sees it, and when it was captured; None before the first."""
        if self.track.sent is None:
            return None
        stamp, packet = self.track.sent
        return {"rtp_timestamp": stamp, "captured_ns": packet.captured_ns, "age_ms": round(packet.age.seconds() * 1000)}

    async def close(self) -> None:
        """End the connection."""
        await self._connection.close()
        self._finish()

    def _changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._give_up.cancel()
            self._connected.set()
            self._ask_for_key()
        elif state in ("failed", "closed"):
            self._close_soon()

    def _give_up_unconnected(self) -> None:
        if not self._connected.is_set():
            self._close_soon()

    def _close_soon(self) -> None:
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self.close(), name="webrtc.close")

    def _finish(self) -> None:
        ended, self._ended = self._ended, lambda: None
        ended()


def _gather_on(connection: Any, chosen: Sequence[str]) -> None:  # noqa: ANN401  # aioice's, which knows no choice of addresses
    gather = connection.get_component_candidates

    def gather_on_chosen(component: int, addresses: Sequence[str], timeout: int = 5) -> Any:  # noqa: ANN401
        del addresses
        return gather(component=component, addresses=chosen, timeout=timeout)

    connection.get_component_candidates = gather_on_chosen


def listened_addresses(host: str) -> tuple[str, ...]:
    """Return the addresses for packets of a server that listens for HTTP on a host; empty for all but loopback."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ("127.0.0.1",) if host == "localhost" else ()
    return () if address.is_unspecified else (host,)
