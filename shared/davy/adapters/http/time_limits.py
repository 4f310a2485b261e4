"""Time limits of an HTTP connection, as uvicorn's HTTP protocol: its own settings bound idle connections only.

The rule for bodies is that of Apache's mod_reqtimeout, `body=20,MinRate=500`: seconds, plus a second per so many bytes.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

TICK_S = 0.25


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Time that a client may take.

    Args:
        head_s: For the headers of a request: from the connection on, or from their first byte on a connection that is kept.
        body_s: Without any byte of a body. It is the most that a client has in hand.
        body_rate: Bytes of a body that earn one second.
        read_s: For an answer that the client does not read.
        idle_s: Between two requests.
    """

    head_s: float = 10.0
    body_s: float = 20.0
    body_rate: float = 500.0
    read_s: float = 60.0
    idle_s: float = 5.0


class TimedProtocol(H11Protocol):
    """Closes connections of clients that are too slow. It counts no time in which the app does not read.

    `limits` is set by a subclass of one server.
    """

    limits = TimeLimits()

    _timer: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    _awaited: type[Any] | None = None  # IDLE for headers, SEND_BODY for a body, as h11 names a client's states
    _body_left_s = 0.0
    _upgraded = False

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # as in the base class
        """Start the time for the first headers."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on. They may end the time for headers, or earn time for a body."""
        super().data_received(data)
        if self._awaited is h11.SEND_BODY:
            self._body_left_s = min(self.limits.body_s, self._body_left_s + len(data) / self.limits.body_rate)
        self._look()

    def on_response_complete(self) -> None:
        """Leave an idle connection to the base class; a body that is still sent, or the next one, has its time."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self._await(None)
        else:
            self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over: WebSockets have pings."""
        self._upgraded = True
        self._await(None)
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop."""
        self._await(None)
        self._stop_reading()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Give the client time to read what it was sent."""
        super().pause_writing()
        if self._reading is None:
            self._reading = self.loop.call_later(self.limits.read_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that time."""
        super().resume_writing()
        self._stop_reading()

    def _look(self) -> None:
        """Start the time of what the client sends next."""
        if self._upgraded:
            return
        now = self.conn.their_state
        wanted = now if now in (h11.IDLE, h11.SEND_BODY) and not self.transport.is_closing() else None
        if wanted is not self._awaited:
            self._await(wanted)

    def _await(self, wanted: type[Any] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._awaited = wanted
        if wanted is h11.IDLE:
            self._timer = self.loop.call_later(self.limits.head_s, self._end)
        elif wanted is h11.SEND_BODY:
            self._body_left_s = self.limits.body_s
            self._timer = self.loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        if not self.flow.read_paused:
            self._body_left_s -= TICK_S
        if self._body_left_s <= 0:
            self._end()
        else:
            self._timer = self.loop.call_later(TICK_S, self._tick)

    def _end(self) -> None:
        """Answer 408 where no answer has begun, and close."""
        if self.transport.is_closing():
            return
        asked = self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]  # a browser opens some in advance
        if asked and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._answer_408()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _answer_408(self) -> None:
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        for event in (h11.Response(status_code=408, headers=headers, reason=b"Request Timeout"), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
