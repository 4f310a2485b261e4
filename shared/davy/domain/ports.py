"""Protocols of the outside world; `davy.adapters` implements them with real brokers, cameras and stores."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from davy.domain.dials import NEUTRAL, Dials
from davy.domain.frame import BgrImage, Frame
from davy.domain.source import ANY_SOURCE, SourcePolicy


class FrameSource(Protocol):
    """A camera that is open. Used from one thread; `close` may come from another."""

    def read(self) -> Frame:
        """Wait for the next frame, at most the source's timeout.

        Raises:
            CameraStalledError: no frame within the timeout.
            CameraUnavailableError: the connection broke.
            CameraEndedError: a file or folder that is not looped is at its end.
        """
        ...

    def close(self) -> None:
        """Close the device or connection; a waiting `read` ends with CameraUnavailableError."""
        ...


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to open a camera: fps caps the rate of any source, and paces files and folders; size None keeps the source's own."""

    fps: float = 10.0
    size: tuple[int, int] | None = None  # (width, height) in pixels
    timeout_s: float = 5.0
    loop: bool = True
    policy: SourcePolicy = ANY_SOURCE  # also of what the source leads to
    tls: str = "verify"  # of rtsps and https; or insecure, or sha256: and the fingerprint of the camera's certificate
    decoder: str = "software"  # or FFmpeg's name of a device: cuda, qsv, vaapi, drm
    ca_file: Path | None = None  # the site's authorities, beside the system's


OpenSource = Callable[[str, SourceOptions], FrameSource]
"""Opens a camera URL. Raises CameraUnavailableError if it cannot, ConfigError if the URL is wrong."""


@dataclass(frozen=True, slots=True)
class Message:
    """An MQTT message. properties are MQTT 5 user properties; expiry_s None means it never expires."""

    topic: str
    payload: bytes = field(repr=False)
    qos: int = 0
    retain: bool = False
    content_type: str = ""
    expiry_s: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


class Bus(Protocol):
    """A connection to an MQTT broker that reconnects by itself."""

    @property
    def connected(self) -> bool: ...

    async def publish(self, message: Message) -> None:
        """Hand the message to the socket (QoS 0) or to the broker (QoS 1). Never queues behind a dead connection.

        Raises:
            BrokerUnavailableError: not connected, or the connection broke meanwhile.
        """
        ...

    def subscribe(self, topic_filters: Sequence[str], qos: int = 0, depth: int = 64) -> AsyncIterator[Message]:
        """Messages as they come, across reconnects; a reader slower than the broker loses the oldest of `depth`."""
        ...


OpenBus = Callable[..., AbstractAsyncContextManager[Bus]]


class ImageEnhancer(Protocol):
    """Enhances one picture; `davy.imaging.runtime` implements it. Safe to call from several threads."""

    @property
    def model(self) -> str:
        """The model's id, as frames carry it."""
        ...

    def enhance(self, image: BgrImage, strength: float = 1.0, out: BgrImage | None = None, dials: Dials = NEUTRAL) -> BgrImage:
        """Shape and dtype of image; strength 0 with neutral dials is the identity."""
        ...
