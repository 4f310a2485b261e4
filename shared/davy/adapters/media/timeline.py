"""Continuous time stamps of concatenated recordings."""

from __future__ import annotations  # PyAV's Packet is generic in its stub only

from fractions import Fraction
from typing import Any

from av.packet import Packet

_JUMP_S = Fraction(1, 2)  # tolerated step back of the decoding time within a recording


class Timeline:
    """Shift the packets of a file so that time never jumps back.

    A jump starts a new recording. All streams of a recording have the same shift, so that audio stays in sync.
    """

    def __init__(self) -> None:
        self._shifts_s = [Fraction(0)]  # of each recording
        self._recordings: dict[int, int] = {}  # stream -> recording
        self._last_s: dict[int, Fraction] = {}  # stream -> decoding time in the file
        self._end_s = Fraction(0)  # highest shifted presentation time

    @property
    def jumps(self) -> int:
        """Number of jumps back."""
        return len(self._shifts_s) - 1

    def shift(self, packet: Packet[Any]) -> None:
        """Shift the time stamps of the next packet in place."""
        dts, unit = packet.dts, packet.time_base
        if dts is None or unit is None:
            return
        stream, at_s = packet.stream.index, dts * unit
        shown_s = at_s if packet.pts is None else packet.pts * unit
        recording = self._recordings.get(stream, 0)
        if at_s < self._last_s.get(stream, at_s) - _JUMP_S:
            recording += 1
            if recording == len(self._shifts_s):
                self._shifts_s.append(self._end_s - shown_s)
            self._recordings[stream] = recording
        self._last_s[stream] = at_s
        offset = round(self._shifts_s[recording] / unit)
        packet.dts = dts + offset
        if packet.pts is not None:
            packet.pts += offset
        self._end_s = max(self._end_s, shown_s + self._shifts_s[recording] + (packet.duration or 1) * unit)
