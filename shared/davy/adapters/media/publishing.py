"""Packets published to a media server: RTSP (ANNOUNCE and RECORD, over TCP) and RTMP by FFmpeg's library, SRT by GStreamer."""

from contextlib import suppress

import av
from av.container import OutputContainer

from davy.adapters.media.muxing import PacketMuxer
from davy.adapters.media.srt import SrtSender, check_srt
from davy.domain.errors import ConfigError, MediaServerUnavailableError
from davy.domain.secret_url import SecretUrl
from davy.domain.video import VideoPacket

FORMATS = {"rtsp": "rtsp", "rtsps": "rtsp", "rtmp": "flv", "rtmps": "flv", "srt": "mpegts"}
IO_S = 5.0


def check_publish_url(url: SecretUrl, python: str) -> None:
    """Check the template of a media server's URL.

    Args:
        url: The template.
        python: The Python that has GStreamer, for SRT.

    Raises:
        ConfigError: it names another protocol, or not both {edge} and {camera}; or GStreamer lacks SRT.
    """
    text = url.get_secret_value()
    if url.scheme not in FORMATS or "{edge}" not in text or "{camera}" not in text:
        protocols = ", ".join(f"{name}://" for name in FORMATS)
        raise ConfigError(f"the URL of a media server begins with one of {protocols}, and contains {{edge}} and {{camera}}")
    if url.scheme == "srt":
        check_srt(python)


class Publication:
    """One connection to a media server. Its methods block.

    Args:
        url: With {edge} and {camera}; see `check_publish_url`.
        first: A key frame; it is sent.
        python: The Python that has GStreamer, for SRT.

    Raises:
        MediaServerUnavailableError: the server takes no video.
    """

    def __init__(self, url: SecretUrl, first: VideoPacket, python: str) -> None:
        self._url, self._first, self.count = url, first, 0
        self._sender: SrtSender | None = None
        address = url.get_secret_value().format(edge=first.camera.edge, camera=first.camera.camera)
        try:
            self._begin(address, first, python)
        except (av.FFmpegError, OSError) as error:
            raise MediaServerUnavailableError(str(url), str(error)) from error

    def _begin(self, address: str, first: VideoPacket, python: str) -> None:
        form = FORMATS[self._url.scheme]
        options = {"rtsp_transport": "tcp", "timeout": str(int(IO_S * 1e6))} if form == "rtsp" else {}
        if self._url.scheme == "srt":
            self._sender = SrtSender(address, python)
            options = {"flush_packets": "1"}
        place = self._sender.stream if self._sender else address
        output = av.open(place, "w", format=form, options=options, timeout=IO_S)
        assert isinstance(output, OutputContainer)
        self._output = output
        try:
            self._muxer = PacketMuxer(self._output, first)
            self._muxer.put(first)
        except BaseException:
            self.close()
            raise

    def is_other(self, packet: VideoPacket) -> bool:
        """Return whether a packet is of another stream, which needs a connection of its own."""
        first = self._first
        return (packet.boot_id, packet.width, packet.height) != (first.boot_id, first.width, first.height)

    def put(self, packet: VideoPacket) -> None:
        """Send a packet.

        Raises:
            MediaServerUnavailableError: the connection is lost.
        """
        try:
            self._muxer.put(packet)
        except (av.FFmpegError, OSError) as error:
            raise MediaServerUnavailableError(str(self._url), str(error)) from error
        self.count += 1

    def close(self) -> None:
        """End the stream; a server that is gone is no error."""
        with suppress(av.FFmpegError, OSError):
            self._output.close()
        if self._sender is not None:
            self._sender.close()
