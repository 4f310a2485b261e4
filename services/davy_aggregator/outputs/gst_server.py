"""GStreamer's RTSP server, in a process of the system's own Python; it knows nothing of Davy's packages.

Arguments: ADDRESS PORT open|closed plain|tls. Standard input carries messages: 4 bytes of length (big-endian), a JSON head of
that length and `bytes` bytes of data. Standard output carries one JSON object a line. With tls it listens after a certificate.

Heads in:  certificate {bytes}, mounts {paths}, packet {path, captured_ns, bytes}, answer {id, allowed}
Lines out: listening {port}, want {path}, leave {path}, key {path}, check {id, path, address, secret}
"""

import base64
import binascii
import itertools
import json
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402  # their versions are required first

LAUNCH = (
    "( appsrc name=src is-live=true format=time do-timestamp=false max-bytes=8000000 leaky-type=downstream"
    " caps=video/x-h264,stream-format=byte-stream,alignment=au"
    " ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 aggregate-mode=zero-latency )"
)
CHECK_S = 3.0
RECHECK_S = 5.0
MAX_ACCEPTED = 1000  # every request asks the parent again
ROLE = "viewer"

_out = threading.Lock()


def say(**message: object) -> None:
    """Write a line."""
    with _out:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


class Mount:
    """One path: its factory, and the source of its media while somebody watches."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.source: Gst.Element | None = None
        self.offset_ns: int | None = None
        self.factory = GstRtspServer.RTSPMediaFactory()
        self.factory.set_launch(LAUNCH)
        self.factory.set_shared(True)
        self.factory.set_latency(0)
        self.factory.add_role_from_structure(access_of(ROLE))
        self.factory.connect("media-configure", self.configured)

    def configured(self, _factory: object, media: GstRtspServer.RTSPMedia) -> None:
        """Take packets: somebody watches."""
        source = media.get_element().get_by_name("src")
        self.source, self.offset_ns = source, None
        media.connect("unprepared", self.ended, source)
        say(type="want", path=self.path)

    def ended(self, _media: object, source: Gst.Element) -> None:
        """Take no more packets: nobody watches."""
        if self.source is source:
            self.source = None
            say(type="leave", path=self.path)

    def put(self, captured_ns: int, data: bytes) -> None:
        """Send a packet; its time stamp counts from the first one's arrival."""
        source = self.source
        if source is None or (clock := source.get_clock()) is None:
            return
        running_ns = clock.get_time() - source.get_base_time()
        if self.offset_ns is None or not -2 * Gst.SECOND < captured_ns + self.offset_ns - running_ns < Gst.SECOND:
            self.offset_ns = running_ns - captured_ns  # the first one, or a clock was set
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts = buffer.dts = max(0, captured_ns + self.offset_ns)
        source.emit("push-buffer", buffer)


def access_of(role: str) -> Gst.Structure:
    """Return what a role may do."""
    structure = Gst.Structure.new_empty(role)
    for name in (GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT):
        structure.set_value(name, True)
    return structure


def viewer_token() -> GstRtspServer.RTSPToken:
    """Return the token of a viewer."""
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, ROLE)
    return token


class Auth(GstRtspServer.RTSPAuth):  # type: ignore[misc]  # gi has no types
    """Basic authentication (RFC 7617) by whom the parent process knows; the password is a token.

    Digest is not offered: a server needs the password for it, and of a token only a hash is kept. TLS protects the password.
    """

    def __init__(self) -> None:
        super().__init__()
        self.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        self._numbers = itertools.count(1)
        self._clients: dict[GstRtspServer.RTSPClient, tuple[str, str, str]] = {}
        self._accepted: dict[str, None] = {}  # oldest first
        self._answers: dict[int, tuple[threading.Event, list[bool]]] = {}

    def answer(self, number: int, allowed: bool) -> None:
        """Take the parent's answer."""
        if waiting := self._answers.get(number):
            waiting[1].append(allowed)
            waiting[0].set()

    def do_authenticate(self, context: GstRtspServer.RTSPContext) -> bool:
        """Let GStreamer check the credentials, once the parent has accepted them."""
        found, header = context.request.get_header(GstRtsp.RTSPHeaderField.AUTHORIZATION, 0)
        basic = (
            header.partition(" ")[2].strip() if found == GstRtsp.RTSPResult.OK and header.lower().startswith("basic ") else ""
        )
        address = context.conn.get_ip() if context.conn else ""
        if basic and self.is_accepted(context.uri.abspath, address, basic):
            self._accept(basic)
            self._clients[context.client] = (context.uri.abspath, address, basic)
        elif basic:
            self._accepted.pop(basic, None)
            self.remove_basic(basic)
        return bool(GstRtspServer.RTSPAuth.do_authenticate(self, context))

    def _accept(self, basic: str) -> None:
        # GStreamer borrows the token for the rest of the request: it stays until others have come.
        if basic not in self._accepted:
            self.add_basic(basic, viewer_token())
        self._accepted[basic] = None
        while len(self._accepted) > MAX_ACCEPTED:
            oldest = next(iter(self._accepted))
            del self._accepted[oldest]
            self.remove_basic(oldest)

    def forget(self, client: GstRtspServer.RTSPClient) -> None:
        """Forget a client that has gone."""
        self._clients.pop(client, None)

    def recheck(self) -> None:
        """End the connections of viewers who have lost their permission, for ever; in a thread of its own."""
        while True:
            time.sleep(RECHECK_S)
            for client, asked in list(self._clients.items()):
                if not self.is_accepted(*asked):
                    GLib.idle_add(client.close)

    def is_accepted(self, path: str, address: str, basic: str) -> bool:
        """Ask the parent whether credentials are good for a path."""
        try:
            secret = base64.b64decode(basic).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
        number, waiting = next(self._numbers), (threading.Event(), [])  # type: tuple[int, tuple[threading.Event, list[bool]]]
        self._answers[number] = waiting
        say(type="check", id=number, path=path, address=address, secret=secret)
        waiting[0].wait(CHECK_S)
        del self._answers[number]
        return waiting[1] == [True]


def open_door() -> GstRtspServer.RTSPAuth:
    """Return what encrypts and takes everybody."""
    door = GstRtspServer.RTSPAuth()
    door.set_default_token(viewer_token())
    return door


class Server:
    """The server and its mounts."""

    def __init__(self, address: str, port: str, closed: bool, tls: bool) -> None:
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address(address)
        self.server.set_service(port)
        self.mounts: dict[str, Mount] = {}
        self.auth = Auth() if closed else None
        self._door = self.auth or (open_door() if tls else None)
        if self._door is not None:
            self.server.set_auth(self._door)
        if self.auth is not None:
            threading.Thread(target=self.auth.recheck, daemon=True).start()
        self._named, self._listens, self._tls = f"{address}:{port}", False, tls
        self.server.connect("client-connected", self._connected)

    def listen(self) -> None:
        """Listen, once."""
        if self._listens:
            return
        if not self.server.attach(None):
            sys.exit(f"{self._named} is in use")
        self._listens = True
        say(type="listening", port=self.server.get_bound_port())

    def certify(self, pem: bytes) -> bool:
        """Show a certificate to the clients that come from now on; listen if this is the first one."""
        assert self._door is not None
        self._door.set_tls_certificate(Gio.TlsCertificate.new_from_pem(pem.decode(), -1))
        self.listen()
        return False  # GLib calls it once

    def _connected(self, _server: object, client: GstRtspServer.RTSPClient) -> None:
        client.connect("play-request", self._plays)
        if self.auth is not None:
            client.connect("closed", self.auth.forget)

    def _plays(self, _client: object, context: GstRtspServer.RTSPContext) -> None:
        if (path := context.uri.abspath.rstrip("/")) in self.mounts:
            say(type="key", path=path)

    def mount(self, paths: list[str]) -> bool:
        """Serve these paths and no others."""
        points = self.server.get_mount_points()
        for gone in self.mounts.keys() - set(paths):
            points.remove_factory(gone)
            del self.mounts[gone]
        for path in paths:
            if path not in self.mounts:
                self.mounts[path] = Mount(path)
                points.add_factory(path, self.mounts[path].factory)
        return False  # GLib calls it once

    def read(self, stream: BinaryIO, loop: GLib.MainLoop) -> None:
        """Follow the messages of the parent process until it ends."""
        for message, data in messages(stream):
            match message["type"]:
                case "packet":
                    if mount := self.mounts.get(message["path"]):
                        mount.put(message["captured_ns"], data)
                case "mounts":
                    GLib.idle_add(self.mount, message["paths"])
                case "certificate" if self._tls:
                    GLib.idle_add(self.certify, data)
                case "answer" if self.auth is not None:
                    self.auth.answer(message["id"], message["allowed"])
        loop.quit()


def messages(stream: BinaryIO) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield heads with their data."""
    while head := stream.read(4):
        message = json.loads(stream.read(struct.unpack(">I", head)[0]))
        yield message, stream.read(message.get("bytes", 0))


def main() -> None:
    """Serve until standard input ends."""
    address, port, access, wire = sys.argv[1:5]
    Gst.init(None)
    if wire == "tls" and not Gio.TlsBackend.get_default().supports_tls():
        sys.exit("GLib has no TLS: install the package glib-networking")
    server, loop = Server(address, port, access == "closed", wire == "tls"), GLib.MainLoop()
    if wire == "plain":
        server.listen()
    threading.Thread(target=server.read, args=(sys.stdin.buffer, loop), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
