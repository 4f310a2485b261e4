"""Leader election among the aggregators of one site. Only the leader decides: two would outbid each other's epochs.

The leader publishes a beat every second on its retained `info` topic; the message expires soon after its death. A starting
aggregator listens first. A standby takes over when the beats cease, or when the leader ends.
"""

import asyncio
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from davy.domain.errors import BrokerUnavailableError, StandbyError
from davy.domain.ports import Bus, Message
from davy.domain.topics import OFFLINE, ONLINE, EdgeTopics
from davy.streams.lead import Lead
from davy.streams.tasks import until_first_ends, wait_for_event
from davy.telemetry import get_logger
from davy_aggregator.archive import REPORTER

log = get_logger(__name__)

BEAT_S = 1.0
LISTEN_S = 1.5  # before the first claim: longer than a beat
EXPIRY_S = 5  # without a beat the leader is gone


class Claim(BaseModel):
    """A beat of the leader: its name, its data folder, and its start time."""

    name: str = Field(max_length=200)
    folder: str = Field(max_length=2000)
    boot: str = Field(max_length=64)
    started_ns: int

    @property
    def order(self) -> tuple[int, str]:
        """Return the order of simultaneous claims; the lowest one leads."""
        return self.started_ns, self.boot


class Leadership(Lead):
    """The claim of this aggregator, and the claims of others.

    Args:
        on_change: Called with the reason to stand by; empty if this aggregator leads.
        take_over: Awaited when this standby becomes the leader.
    """

    def __init__(
        self,
        site: str,
        name: str,
        folder: Path,
        on_change: Callable[[str], None],
        take_over: Callable[[], Awaitable[None]],
    ) -> None:
        host = socket.gethostname()
        self._own = Claim(
            name=f"{name} on {host}",
            folder=f"{host}:{folder.absolute()}",
            boot=uuid.uuid4().hex,
            started_ns=time.time_ns(),
        )
        self._site, self._topics = site, EdgeTopics(site, REPORTER)
        self._on_change, self._take_over = on_change, take_over
        self._rival: Claim | None = None
        self._last_beat_s = 0.0
        self._released = False  # the leader has released the lead
        self._beat_s = 0.0  # of the last own beat that the broker took
        self._stood_by = False
        self._settled = False
        self._news = asyncio.Event()

    @property
    def leads(self) -> bool:
        """Return whether this aggregator leads."""
        return self._settled and self._rival is None

    def check(self) -> None:
        """Check whether this aggregator may decide.

        Raises:
            StandbyError: another aggregator leads the site.
        """
        if self._rival is not None:
            raise StandbyError(self._rival.name, self._site)

    async def run(self, bus: Bus) -> None:
        """Listen and claim until cancelled; then release the lead."""
        try:
            await until_first_ends("leadership", listen=self._listen(bus), claim=self._claim(bus))
        finally:
            if self.leads and bus.connected:
                with suppress(BrokerUnavailableError, TimeoutError):
                    async with asyncio.timeout(1):
                        await bus.publish(Message(self._topics.info, b"", qos=1, retain=True))

    async def _listen(self, bus: Bus) -> None:
        async for message in bus.subscribe([self._topics.info, self._topics.status], qos=1):
            if message.topic == self._topics.status:
                if message.payload == OFFLINE and self.leads:  # a standby has ended
                    with suppress(BrokerUnavailableError):
                        await bus.publish(Message(self._topics.status, ONLINE, qos=1, retain=True))
                continue
            if self._receive(message.payload):
                self._news.set()

    def _receive(self, payload: bytes) -> bool:
        """Process a beat. Return whether it requires an immediate claim."""
        if not payload:
            self._released = True
            return True
        try:
            claim = Claim.model_validate_json(payload)
        except ValidationError as error:
            log.warning("leadership.unreadable", error=str(error)[:300])
            return False
        own = self._own
        if claim.boot == own.boot or claim.folder == own.folder:  # of this folder's last process: it is dead
            return False
        if self.leads and own.order < claim.order:
            return True  # the other aggregator receives the answer, and stands by
        self._last_beat_s, self._released = _now(), False
        if self._rival is None or self._rival.boot != claim.boot:
            self._rival, self._settled = claim, True
            self._stood_by = True
            log.warning("leadership.standby", leader=claim.name)
            self._on_change(f"standby: {claim.name} leads site {self._site}; this aggregator decides nothing")
        return False

    async def _claim(self, bus: Bus) -> None:
        connected_s = 0.0
        while True:
            if not bus.connected:
                connected_s = 0.0
            elif not connected_s:
                connected_s = _now()
                if connected_s - self._beat_s > EXPIRY_S:  # somebody else may have taken over
                    self._settled = self._rival is not None
            elif not self._settled:
                self._settled = _now() - connected_s >= LISTEN_S
                if self._settled:
                    await self._lead()
            elif self._rival is not None and (self._released or self._is_silent(connected_s)):
                await self._lead()
            if self.leads:
                await self._beat(bus)
            self._news.clear()
            await wait_for_event(self._news, BEAT_S if self._settled else BEAT_S / 4)

    def _is_silent(self, connected_s: float) -> bool:
        """Return whether beats are overdue, with a connection since connected_s."""
        return _now() - self._last_beat_s > EXPIRY_S and _now() - connected_s > LISTEN_S

    async def _lead(self) -> None:
        gone, self._rival, self._settled = self._rival, None, True
        if self._stood_by:
            log.warning("leadership.taken", from_whom=gone.name if gone else "")
            self._stood_by = False
            await self._take_over()
        self._on_change("")

    async def _beat(self, bus: Bus) -> None:
        with suppress(BrokerUnavailableError):
            payload = self._own.model_dump_json().encode()
            message = Message(
                self._topics.info, payload, qos=1, retain=True, content_type="application/json", expiry_s=EXPIRY_S
            )
            await bus.publish(message)
            self._beat_s = _now()


def _now() -> float:
    return time.monotonic()
