"""SRT by GStreamer, in a process of its own: the FFmpeg of PyAV's wheels is built without it."""

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from davy.domain.errors import ConfigError

SCRIPT = Path(__file__).with_name("srt_sender.py")
CHECK = "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst; Gst.init(None)"
CHECK += "; assert Gst.ElementFactory.find('srtsink')"
END_S = 5.0


def check_srt(python: str) -> None:
    """Check that SRT can be sent.

    Args:
        python: The Python that has GStreamer.

    Raises:
        ConfigError: it lacks GStreamer or its SRT plugin.
    """
    try:
        done = subprocess.run([python, "-I", "-c", CHECK], capture_output=True, timeout=60)
    except OSError as error:
        raise ConfigError(f"srt:// needs {python}: {error.strerror}") from error
    if done.returncode:
        raise ConfigError(f"srt:// needs GStreamer for {python}: packages python3-gi and gstreamer1.0-plugins-bad")


class SrtSender:
    """One connection to a receiver. Its methods block.

    Args:
        url: srt://HOST:PORT?..., as GStreamer's srtsink takes it.
        python: The Python that has GStreamer.

    Raises:
        ConnectionError: the receiver does not answer.
    """

    def __init__(self, url: str, python: str) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([python, "-I", str(SCRIPT)], stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
        try:
            self.stream.write(f"{url}\n".encode())
            assert self._process.stdout is not None
            if self._process.stdout.readline() != b"ready\n":
                raise ConnectionError(self._reason())
        except BaseException:
            self.close()
            raise

    @property
    def stream(self) -> BinaryIO:
        """Takes MPEG-TS."""
        assert self._process.stdin is not None
        return self._process.stdin  # type: ignore[return-value]  # unbuffered

    def _reason(self) -> str:
        assert self._process.stderr is not None
        lines = self._process.stderr.read().decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it has ended")[:300]

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self.stream.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
