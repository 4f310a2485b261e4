"""RTSP for VMS and players, by GStreamer's server in a process of its own; one shared stream per camera for all viewers."""

import asyncio
import contextlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

from davy.access.principal import check
from davy.access.roles import Permission
from davy.adapters.access.credentials import Authenticator, Credentials
from davy.adapters.tls import Tls
from davy.domain.errors import DavyError
from davy.domain.video import Feed, Variant
from davy.streams.tasks import end, until_first_ends
from davy.telemetry import get_logger
from davy_aggregator.live import LiveFrames
from davy_aggregator.outputs.errors import RtspServerError
from davy_aggregator.settings import RtspSettings
from davy_aggregator.video import LiveVideo

SCRIPT = Path(__file__).with_name("gst_server.py")
MOUNT_EVERY_S = 2.0  # cameras are added and removed now and then
CERTIFICATE_EVERY_S = 1.0

log = get_logger(__name__)


class RtspServer:
    """Runs the server and brings it the packets of the cameras that are watched.

    Args:
        authenticator: Who may view; None lets everybody.
        host: Address to listen on.
        tls: The identity whose certificate it shows; None serves without encryption.
        listening: Called with the port.
    """

    def __init__(
        self,
        settings: RtspSettings,
        host: str,
        live: LiveFrames,
        video: LiveVideo,
        authenticator: Authenticator | None,
        tls: Tls | None = None,
        listening: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._settings, self._host, self._live, self._video = settings, host, live, video
        self._authenticator, self._tls, self._listening = authenticator, tls, listening
        self._feeds: dict[str, asyncio.Task[None]] = {}
        self._input: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            RtspServerError: the server does not start, or has ended.
        """
        access = "open" if self._authenticator is None else "closed"
        wire = "plain" if self._tls is None else "tls"
        command = [self._settings.python, "-I", str(SCRIPT), self._host, str(self._settings.port), access, wire]
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise RtspServerError(f"{self._settings.python}: {error.strerror}") from error
        assert process.stdin and process.stdout and process.stderr
        self._input = process.stdin
        try:
            await until_first_ends(
                "rtsp",
                answers=self._follow(process.stdout),
                errors=_log_errors(process.stderr),
                mounts=self._keep_mounts(),
                certificate=self._keep_certificate(),
            )
            raise RtspServerError("it has ended; see the log")
        except ConnectionError as error:
            raise RtspServerError("it has ended; see the log") from error
        finally:
            await end(*self._feeds.values())
            self._feeds.clear()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _follow(self, output: asyncio.StreamReader) -> None:
        while line := await output.readline():
            message = json.loads(line)
            match message["type"]:
                case "listening":
                    log.info("rtsp.listening", host=self._host, port=message["port"])
                    self._listening(message["port"])
                case "want":
                    await self._stop_feed(message["path"])
                    feed = self._feed(message["path"], feed_of(message["path"], self._live))
                    self._feeds[message["path"]] = asyncio.create_task(feed, name="rtsp.feed")
                case "leave":
                    await self._stop_feed(message["path"])
                case "key":
                    self._video.ask_for_key(*feed_of(message["path"], self._live))
                case "check":
                    allowed = await self._may_view(message["secret"], message["path"], message["address"])
                    await self._send({"type": "answer", "id": message["id"], "allowed": allowed})

    async def _stop_feed(self, path: str) -> None:
        if task := self._feeds.pop(path, None):
            await end(task)

    async def _feed(self, path: str, feed: Feed) -> None:
        with self._video.watch(*feed, cached=False) as queue:
            while True:
                packet = await queue.take()
                await self._send({"type": "packet", "path": path, "captured_ns": packet.captured_ns}, packet.data)

    async def _may_view(self, secret: str, path: str, address: str) -> bool:
        if self._authenticator is None:
            return True
        path = path.removesuffix("/").partition("/stream=")[0].removesuffix("/raw")
        credentials = Credentials(token=secret, address=address, path=path)
        try:
            check(await self._authenticator.identify(credentials), Permission.VIEW, f"RTSP {path}")
        except DavyError as error:
            log.warning("rtsp.refused", address=address, path=path, reason=str(error))
            return False
        return True

    async def _keep_mounts(self) -> None:
        mounted: list[str] = []
        while True:
            paths = [f"/{camera.key}{tail}" for camera in self._live.cameras for tail in ("", "/raw")]
            if paths != mounted:
                await self._send({"type": "mounts", "paths": paths})
                mounted = paths
            await asyncio.sleep(MOUNT_EVERY_S)

    async def _keep_certificate(self) -> None:
        shown = 0
        while True:
            if self._tls is not None and (version := self._tls.look(0)) != shown:
                credentials = self._tls.credentials
                await self._send({"type": "certificate"}, credentials.cert + b"\n" + credentials.key)
                shown = version
            await asyncio.sleep(CERTIFICATE_EVERY_S)

    async def _send(self, head: dict[str, object], data: bytes = b"") -> None:
        assert self._input is not None
        text = json.dumps(head | {"bytes": len(data)}).encode()
        self._input.write(struct.pack(">I", len(text)) + text + data)
        await self._input.drain()


def feed_of(path: str, live: LiveFrames) -> Feed:
    """Return what a path of the server shows: /edge.camera, or /edge.camera/raw."""
    key, _, tail = path.strip("/").partition("/")
    variant: Variant = "raw" if tail == "raw" else "enhanced"
    return next(camera for camera in live.cameras if camera.key == key), variant


async def _log_errors(stream: asyncio.StreamReader) -> None:
    while line := await stream.readline():
        log.warning("rtsp.server", text=line.decode(errors="replace").rstrip()[:500])
