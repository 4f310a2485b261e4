"""Names of the channels between the replicas of a site."""

from davy.domain.camera import CameraAddress
from davy.domain.fan_out import Channel
from davy.domain.video import Variant

CONTROL_DEPTH = 64  # messages of all replicas of a site that a slow one may be behind
VIDEO_DEPTH = 64  # packets: some seconds of one camera


def frames_of(camera: CameraAddress, keep_s: float) -> Channel:
    """The newest frame of a camera, kept for a replica that starts later."""
    return Channel(f"frame/{camera}", keep_s=keep_s)


def video_of(camera: CameraAddress, variant: Variant) -> Channel:
    """The packets of one variant of a camera's video."""
    return Channel(f"video/{variant}/{camera}", VIDEO_DEPTH)


def cameras_of(site: str) -> Channel:
    """What each replica says of the cameras whose edges send to it."""
    return Channel(f"cameras/{site}", CONTROL_DEPTH)


def demand_of(site: str) -> Channel:
    """What the viewers of each replica want."""
    return Channel(f"demand/{site}", CONTROL_DEPTH)


def news_of(site: str) -> Channel:
    """Replicas that stored something in the database."""
    return Channel(f"news/{site}", CONTROL_DEPTH)
