"""Messages between replicas as protobuf, there and back. What comes from a wire is checked here, once."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from davy.adapters.grpc.envelope import frame_meta, from_envelope, to_wire_field
from davy.adapters.grpc.video import demand_message, from_demand, from_packet, from_variant, to_packet, to_variant
from davy.domain.bounds import check_header_text, check_size, check_time_ns, clamp_rate
from davy.domain.camera import CameraAddress, check_id
from davy.domain.errors import InvalidInputError
from davy.domain.frame import EncodedFrame
from davy.domain.video import NOBODY, Demand, Feed, VideoPacket
from davy.v1 import frame_pb2, ingest_pb2, replica_pb2

MAX_AGE_S = 7 * 86_400.0
MAX_SESSION = 2**63 - 1  # in ns of Unix time: beyond every clock

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Head:
    """Who sent a message.

    Args:
        replica: Name of the process.
        session: The newest stream of an edge that it knows of.
        sent_ns: Unix time in ns on its clock.
    """

    replica: str
    session: int
    sent_ns: int


@dataclass(frozen=True, slots=True)
class CameraReport:
    """What a replica says of a camera whose edge sends to it.

    Args:
        frame: The newest frame without its pictures; None if none came yet.
        age_s: Its age in s when the report was sent.
        session: The stream of the edge.
        fps: Frames per second over the last 5 s.
        received: Frames since the start of the replica.
        video: Whether the edge offers video.
    """

    camera: CameraAddress
    frame: EncodedFrame | None
    age_s: float
    session: int
    fps: float
    received: int
    video: bool


def pack_frame(replica: str, newest: int, frame: EncodedFrame, session: int, *, include_raw: bool) -> bytes:
    """Return the message of a frame; its age runs until now."""
    message = replica_pb2.ReplicaFrame(head=_head(replica, newest), session=session, age_ns=_ns(frame.age.seconds()))
    return b"".join([message.SerializeToString(), *to_wire_field(4, frame, include_raw=include_raw)])


def unpack_frame(data: bytes) -> tuple[Head, int, float, EncodedFrame]:
    """Read a frame: its sender, the edge's stream, the age in s when it was sent, and the frame.

    Raises:
        InvalidInputError: it is none; every function here that reads raises it.
    """
    message = _read(replica_pb2.ReplicaFrame, data)
    return _from_head(message.head), _session(message.session), _age_s(message.age_ns), from_envelope(message.frame)


def pack_packet(replica: str, newest: int, packet: VideoPacket, session: int) -> bytes:
    """Return the message of a packet of video; its age runs until now."""
    head, age_ns = _head(replica, newest), _ns(packet.age.seconds())
    return replica_pb2.ReplicaPacket(head=head, session=session, age_ns=age_ns, packet=to_packet(packet)).SerializeToString()


def unpack_packet(data: bytes) -> tuple[Head, int, float, VideoPacket]:
    """Read a packet of video; see `unpack_frame`."""
    message = _read(replica_pb2.ReplicaPacket, data)
    return _from_head(message.head), _session(message.session), _age_s(message.age_ns), from_packet(message.packet)


def pack_cameras(replica: str, newest: int, reports: Collection[CameraReport], clocks_ns: Mapping[str, int]) -> bytes:
    """Return the message about a replica's cameras and the clocks of their edges."""
    cameras = [
        replica_pb2.ReplicaCamera(
            meta=_meta(each),
            session=each.session,
            age_ns=_ns(each.age_s),
            fps=each.fps,
            received=each.received,
            video=each.video,
        )
        for each in reports
    ]
    message = replica_pb2.ReplicaCameras(head=_head(replica, newest), cameras=cameras, clock_offsets_ns=clocks_ns)
    return message.SerializeToString()


def unpack_cameras(data: bytes) -> tuple[Head, list[CameraReport], dict[str, int]]:
    """Read what a replica says of its cameras, and by edge the offset of its clock in ns."""
    message = _read(replica_pb2.ReplicaCameras, data)
    clocks_ns = {check_id("edge", edge): offset for edge, offset in message.clock_offsets_ns.items()}
    return _from_head(message.head), [_report(each) for each in message.cameras], clocks_ns


def pack_demand(replica: str, newest: int, demands: Mapping[CameraAddress, Demand], keys: Collection[Feed]) -> bytes:
    """Return the message about what a replica's viewers want; an fps of NOBODY wants no pictures."""
    message = replica_pb2.ReplicaDemand(head=_head(replica, newest))
    for camera, demand in demands.items():
        message.cameras.add(edge=camera.edge, camera=camera.camera, demand=demand_message(demand))
    for camera, variant in keys:
        message.keys.add(edge=camera.edge, camera=camera.camera, variant=to_variant(variant))
    return message.SerializeToString()


def unpack_demand(data: bytes, site: str) -> tuple[Head, dict[CameraAddress, Demand], set[Feed]]:
    """Read what a replica's viewers want of the cameras of a site."""
    message = _read(replica_pb2.ReplicaDemand, data)
    demands = {CameraAddress(site, each.edge, each.camera): _demand(each.demand) for each in message.cameras}
    keys = {(CameraAddress(site, each.edge, each.camera), from_variant(each.variant)) for each in message.keys}
    return _from_head(message.head), demands, keys


def pack_news(replica: str, newest: int) -> bytes:
    """Return the message that something new is in the database."""
    return replica_pb2.ReplicaNews(head=_head(replica, newest)).SerializeToString()


def unpack_news(data: bytes) -> Head:
    """Read who stored something."""
    return _from_head(_read(replica_pb2.ReplicaNews, data).head)


def _read(kind: type[M], data: bytes) -> M:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise InvalidInputError(f"no {kind.__name__}: {error}") from error


def _head(replica: str, newest: int) -> replica_pb2.ReplicaHead:
    return replica_pb2.ReplicaHead(replica=replica, sent_ns=time.time_ns(), session=newest)


def _from_head(head: replica_pb2.ReplicaHead) -> Head:
    name = check_header_text("replica", head.replica)
    return Head(name, _session(head.session), check_time_ns("sent_ns", head.sent_ns))


def _session(number: int) -> int:
    if number > MAX_SESSION:
        raise InvalidInputError(f"session is over {MAX_SESSION}, got {number}")
    return number


def _age_s(age_ns: int) -> float:
    return min(max(0.0, age_ns / 1e9), MAX_AGE_S)


def _ns(seconds: float) -> int:
    return int(min(seconds, MAX_AGE_S) * 1e9)


def _meta(report: CameraReport) -> frame_pb2.FrameMeta:
    if report.frame is not None:
        return frame_meta(report.frame)
    return frame_pb2.FrameMeta(site=report.camera.site, edge=report.camera.edge, camera=report.camera.camera)


def _report(message: replica_pb2.ReplicaCamera) -> CameraReport:
    meta = message.meta
    camera = CameraAddress(meta.site, meta.edge, meta.camera)
    return CameraReport(
        camera,
        _described(camera, meta) if meta.seq else None,
        _age_s(message.age_ns),
        _session(message.session),
        clamp_rate(message.fps),
        message.received,
        message.video,
    )


def _described(camera: CameraAddress, meta: frame_pb2.FrameMeta) -> EncodedFrame:
    """Return a frame without its pictures."""
    width, height = check_size(meta.width, meta.height)
    captured_ns = check_time_ns("captured_ns", meta.captured_ns)
    model = check_header_text("model", meta.model)
    return EncodedFrame(camera, check_id("boot", meta.boot_id), meta.seq, captured_ns, width, height, b"", model)


def _demand(message: ingest_pb2.Demand) -> Demand:
    """Read a demand of a replica, which may want no pictures; an edge is never asked for none."""
    found = from_demand(message)
    return replace(found, fps=NOBODY) if message.fps < 0 else found
