"""One continuous time over recordings that were put together."""

from __future__ import annotations  # PyAV's Packet is generic in its stub only

from fractions import Fraction
from typing import Any

from av.packet import Packet

_JUMP_S = Fraction(1, 2)  # decoding times never go back in one recording; less than this is a muxer's carelessness


class Timeline:
    """Shifts the packets of one file so that time never jumps back.

    A jump starts a new recording. All streams of a recording are shifted by the same time, so that sound stays in sync.
    """

    def __init__(self) -> None:
        self._shifts_s = [Fraction(0)]  # of each recording
        self._recordings: dict[int, int] = {}  # stream -> recording
        self._last_s: dict[int, Fraction] = {}  # stream -> decoding time in the file
        self._end_s = Fraction(0)  # of presentation, over all that was shifted

    @property
    def jumps(self) -> int:
        """How many times time jumped back."""
        return len(self._shifts_s) - 1

    def place(self, packet: Packet[Any]) -> None:
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
        shift = round(self._shifts_s[recording] / unit)
        packet.dts = dts + shift
        if packet.pts is not None:
            packet.pts += shift
        self._end_s = max(self._end_s, shown_s + self._shifts_s[recording] + (packet.duration or 1) * unit)
