"""Tasks for an edge as messages of davy.v1.EdgeService."""

from davy.domain.network_camera import MediaProfile, NetworkCamera
from davy.domain.secret_url import SecretUrl
from davy.v1 import edge_pb2


def to_network_camera(camera: NetworkCamera) -> edge_pb2.NetworkCamera:
    """Write a camera."""
    return edge_pb2.NetworkCamera(
        address=camera.address,
        port=camera.port,
        secure=camera.secure,
        name=camera.name,
        manufacturer=camera.manufacturer,
        model=camera.model,
        firmware=camera.firmware,
        profiles=[_to_profile(each) for each in camera.profiles],
        reason=camera.reason,
        login_needed=camera.login_needed,
    )


def from_network_camera(camera: edge_pb2.NetworkCamera) -> NetworkCamera:
    """Read a camera."""
    return NetworkCamera(
        address=camera.address,
        port=camera.port,
        secure=camera.secure,
        name=camera.name,
        manufacturer=camera.manufacturer,
        model=camera.model,
        firmware=camera.firmware,
        profiles=tuple(_from_profile(each) for each in camera.profiles),
        reason=camera.reason,
        login_needed=camera.login_needed,
    )


def _to_profile(profile: MediaProfile) -> edge_pb2.MediaProfile:
    return edge_pb2.MediaProfile(
        name=profile.name,
        codec=profile.codec,
        width=profile.width,
        height=profile.height,
        fps=profile.fps,
        stream_url=profile.stream.get_secret_value(),
        snapshot_url=profile.snapshot.get_secret_value(),
    )


def _from_profile(profile: edge_pb2.MediaProfile) -> MediaProfile:
    return MediaProfile(
        name=profile.name,
        codec=profile.codec,
        width=profile.width,
        height=profile.height,
        fps=profile.fps,
        stream=SecretUrl(profile.stream_url),
        snapshot=SecretUrl(profile.snapshot_url),
    )
