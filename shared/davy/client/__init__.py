"""Client of Davy's services for programs: cameras, frames, events, alarms, clips and enhancement over HTTP.

    from davy.client import Client

    async with Client("https://aggregator:8080", token="...", ca="ca.pem") as davy:
        async for frame in davy.cameras.frames("north.face", fps=2):
            pixels = frame.decode()                       # BGR, (H, W, 3), uint8

It needs the extra `client`.
"""

from davy.client.client import Client
from davy.client.frames import Frame
from davy.client.images import EnhancedImage
from davy.client.messages import Alarm, AlarmChange, AlarmUpdate, Answer, Camera, Clip, Event, Mark, RecordedSegment, Site

__all__ = [
    "Alarm",
    "AlarmChange",
    "AlarmUpdate",
    "Answer",
    "Camera",
    "Client",
    "Clip",
    "EnhancedImage",
    "Event",
    "Frame",
    "Mark",
    "RecordedSegment",
    "Site",
]
