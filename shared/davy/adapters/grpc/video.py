"""Video packets and demands as protobuf, there and back. What comes from a wire is checked here, once."""

from collections.abc import Sequence

from davy.adapters.grpc.envelope import frame_meta
from davy.domain.bounds import check_header_text, check_seq, check_size, check_time_ns, clamp_rate, clamp_share
from davy.domain.camera import CameraAddress, check_id
from davy.domain.errors import InvalidInputError, PacketTooLargeError
from davy.domain.video import MAX_PACKET_BYTES, Demand, Variant, VideoPacket
from davy.v1 import ingest_pb2

START_CODES = (b"\x00\x00\x00\x01", b"\x00\x00\x01")

_TO_WIRE: dict[Variant, ingest_pb2.Variant.ValueType] = {
    "enhanced": ingest_pb2.VARIANT_ENHANCED,
    "raw": ingest_pb2.VARIANT_RAW,
}
_FROM_WIRE: dict[int, Variant] = {number: variant for variant, number in _TO_WIRE.items()}


def to_push_video(message: "VideoPacket | ingest_pb2.VideoOffer") -> ingest_pb2.PushVideoRequest:
    """Return the request that carries a packet or an offer."""
    if isinstance(message, VideoPacket):
        return ingest_pb2.PushVideoRequest(packet=to_packet(message))
    return ingest_pb2.PushVideoRequest(offer=message)


def video_offer(cameras: Sequence[CameraAddress]) -> ingest_pb2.VideoOffer:
    """Return the message that offers video of an edge's cameras."""
    site, edge = (cameras[0].site, cameras[0].edge) if cameras else ("", "")
    return ingest_pb2.VideoOffer(site=site, edge=edge, cameras=[camera.camera for camera in cameras])


def to_packet(packet: VideoPacket) -> ingest_pb2.VideoPacket:
    """Return a packet as a message."""
    meta = frame_meta(packet)
    return ingest_pb2.VideoPacket(meta=meta, variant=_TO_WIRE[packet.variant], key=packet.key, data=packet.data)


def from_packet(message: ingest_pb2.VideoPacket) -> VideoPacket:
    """Read a packet; its picture is passed on as it is, never decoded.

    Raises:
        InvalidInputError: a field is invalid; the text names it.
        PacketTooLargeError: it is over MAX_PACKET_BYTES.
    """
    meta = message.meta
    width, height = check_size(meta.width, meta.height)
    if not message.data.startswith(START_CODES):
        raise InvalidInputError("data is no Annex B byte stream of H.264: it does not begin with a start code")
    if len(message.data) > MAX_PACKET_BYTES:
        raise PacketTooLargeError(len(message.data), MAX_PACKET_BYTES)
    return VideoPacket(
        camera=CameraAddress(meta.site, meta.edge, meta.camera),
        variant=from_variant(message.variant),
        boot_id=check_id("boot", meta.boot_id),
        seq=check_seq(meta.seq),
        captured_ns=check_time_ns("captured_ns", meta.captured_ns),
        key=message.key,
        width=width,
        height=height,
        data=message.data,
        model=check_header_text("model", meta.model),
        strength=clamp_share(meta.strength),
        enhanced_ns=check_time_ns("enhanced_ns", meta.enhanced_ns) if meta.enhanced_ns else 0,
    )


def from_variant(number: int) -> Variant:
    """Read a variant.

    Raises:
        InvalidInputError: it is neither enhanced nor raw.
    """
    if number not in _FROM_WIRE:
        raise InvalidInputError(f"variant {number} is neither VARIANT_ENHANCED nor VARIANT_RAW")
    return _FROM_WIRE[number]


def to_variant(variant: Variant) -> ingest_pb2.Variant.ValueType:
    """Return a variant's number on the wire."""
    return _TO_WIRE[variant]


def credit_of(packet: VideoPacket) -> ingest_pb2.PushVideoResponse:
    """Return the answer that accepts a packet."""
    return ingest_pb2.PushVideoResponse(camera=packet.camera.camera, variant=_TO_WIRE[packet.variant], seq=packet.seq)


def key_request(camera: str, variant: Variant) -> ingest_pb2.PushVideoResponse:
    """Return the answer that asks for a key frame now."""
    return ingest_pb2.PushVideoResponse(camera=camera, variant=_TO_WIRE[variant], key_frame=True)


def to_demand(camera: str, demand: Demand) -> ingest_pb2.PushVideoResponse:
    """Return the answer that says what is wanted of a camera."""
    return ingest_pb2.PushVideoResponse(camera=camera, demand=demand_message(demand))


def demand_message(demand: Demand) -> ingest_pb2.Demand:
    """Return the message of a demand."""
    video = [_TO_WIRE[variant] for variant in sorted(demand.video)]
    return ingest_pb2.Demand(fps=demand.fps, raw=demand.raw, video=video)


def from_demand(message: ingest_pb2.Demand) -> Demand:
    """Read a demand; variants that this version does not know are left out."""
    video = frozenset(_FROM_WIRE[number] for number in message.video if number in _FROM_WIRE)
    return Demand(clamp_rate(message.fps), message.raw, video)
