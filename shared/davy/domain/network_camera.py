"""Cameras that answer on a network, before they belong to a site."""

from dataclasses import dataclass, field

from davy.domain.secret_url import SecretUrl

MAX_CAMERAS = 64  # of one search
MAX_PROFILES = 8  # of one camera
NO_URL = SecretUrl("")


@dataclass(frozen=True, slots=True)
class MediaProfile:
    """One stream of a camera. Every field is as the camera announces it, and may be wrong.

    Args:
        codec: Such as H264 or JPEG; empty if unknown.
        width: Pixels; 0 if unknown. As height.
        fps: Frames per second; 0 if unknown.
        stream: RTSP URL without a login. Its host is the address that answered.
        snapshot: HTTP URL of one picture, or empty; as stream.
    """

    name: str
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    stream: SecretUrl = NO_URL
    snapshot: SecretUrl = NO_URL


@dataclass(frozen=True, slots=True)
class NetworkCamera:
    """A camera that answered.

    Args:
        address: The address that answered.
        port: Of its ONVIF device service.
        secure: Whether that service is https.
        reason: Why there are no profiles; empty if there are some.
        login_needed: Whether it asks for a user and a password, or rejected them.
    """

    address: str
    port: int = 80
    secure: bool = False
    name: str = ""
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    profiles: tuple[MediaProfile, ...] = ()
    reason: str = ""
    login_needed: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """User and password of cameras."""

    user: str = ""
    password: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.user)


NO_LOGIN = Login()
