"""Errors of the outputs."""

from davy.domain.errors import InvalidInputError, NotFoundError, UnavailableError


class InvalidOfferError(InvalidInputError):
    """An SDP offer cannot be answered."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this SDP offer cannot be answered: {reason}")


class NoPortError(UnavailableError):
    """Every UDP port of the range carries a viewer."""

    def __init__(self) -> None:
        super().__init__(
            "no UDP port is free for another WebRTC viewer: DAVY_WEBRTC_PORTS names more, and the firewall opens them"
        )


class UnknownViewerError(NotFoundError):
    """No such WebRTC session; it may have ended."""

    def __init__(self, session: str) -> None:
        super().__init__(f"no WebRTC session {session!r}: it has ended")


class NoVideoError(UnavailableError):
    """A camera sends no video at present."""

    def __init__(self, camera: str, variant: str) -> None:
        super().__init__(f"no {variant} video of {camera}: its edge is not connected, or it sends pictures alone")
        self.camera, self.variant = camera, variant


class UnknownSegmentError(NotFoundError):
    """No such HLS segment: a player that is too slow asks for one that is gone."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no HLS segment {name!r}: it is too old, or the stream has ended; read live.m3u8 again")


class RtspServerError(UnavailableError):
    """GStreamer's RTSP server does not run."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"GStreamer's RTSP server (packages python3-gi, gir1.2-gst-rtsp-server-1.0) does not run: {reason}")
