"""Sends MPEG-TS by SRT, in a process of the system's own Python with GStreamer; it knows nothing of Davy's packages.

Standard input carries the URL, a line break, and the stream. Standard output carries "ready" once the receiver answers.
The URL is no argument, since every user of a machine sees the arguments of all processes, and it may hold a passphrase.
"""

import os
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402  # its version is required first

CONNECT_S = 3.0


def read_line() -> str:
    """Read a line and not a byte more."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"\n", b""):
        line += byte
    return line.decode()


def wait_for_receiver(sink: Gst.Element) -> None:
    """Wait until the receiver answers: only then does the sink count packets."""
    until_s = time.monotonic() + CONNECT_S
    while not sink.get_property("stats").has_field("packets-sent"):
        if time.monotonic() > until_s:
            sys.exit("no receiver answers")
        time.sleep(0.02)


def main() -> None:
    """Send until standard input or the connection ends."""
    Gst.init(None)
    url = read_line()
    pipeline = Gst.parse_launch("fdsrc fd=0 ! tsparse alignment=7 ! srtsink name=sink sync=false async=false")
    sink, loop = pipeline.get_by_name("sink"), GLib.MainLoop()
    sink.set_property("uri", url)
    sink.set_property("auto-reconnect", False)  # a new connection begins with a key frame
    errors: list[str] = []

    def heard(_bus: Gst.Bus, message: Gst.Message) -> None:
        if message.type == Gst.MessageType.ERROR:
            errors.append(str(message.parse_error()[0].message))
        if message.type in (Gst.MessageType.ERROR, Gst.MessageType.EOS):
            loop.quit()

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", heard)
    try:
        pipeline.set_state(Gst.State.PAUSED)
        wait_for_receiver(sink)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        pipeline.set_state(Gst.State.PLAYING)
        loop.run()
    finally:
        pipeline.set_state(Gst.State.NULL)
    if errors:
        sys.exit(errors[0])


if __name__ == "__main__":
    main()
