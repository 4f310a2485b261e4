"""Makes an edge what it shall be: desired configuration in, reported configuration out.

The order of every change: judged whole, on disk, applied by difference, told. Whatever is killed in between, the file names one
configuration that was judged, and the next boot runs it. One with which the edge ends again and again is given up.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from davy.atomic import failpoint
from davy.domain.errors import BrokerUnavailableError, InvalidInputError
from davy.domain.ports import Bus, Message
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics
from davy.site import EdgeConfig
from davy.streams.tasks import until_first_ends, whole
from davy.telemetry import get_logger
from davy.twin.configuration import ConfigState, DesiredConfig, ReportedConfig, config_id, read_config, to_plain
from davy.twin.secrets import without_secrets
from davy_edge.config.state_file import ConfigDisk
from davy_edge.config.validation import ConfigValidator
from davy_edge.models.metrics import Note

log = get_logger(__name__)

MAX_ATTEMPTS = 3  # starts that end before KEPT_AFTER_S: the configuration is taken for the reason
KEPT_AFTER_S = 10.0
SAY_AGAIN_S = 60.0  # a broker without persistence, or a full queue of the aggregator's, may have lost it
MAX_GONE = 256
INFO, WARNING, ALARM = Severity.INFO, Severity.WARNING, Severity.ALARM

Apply = Callable[[EdgeConfig], Awaitable[str]]
"""Makes the edge run a configuration; returns what changed, in words."""


class ConfigManager:
    """The configuration of one edge. Used on its event loop.

    Args:
        own: What site.yaml says.
    """

    def __init__(
        self,
        topics: EdgeTopics,
        boot_id: str,
        disk: ConfigDisk,
        own: EdgeConfig,
        validator: ConfigValidator,
        registry: CollectorRegistry,
    ) -> None:
        self._topics, self._boot_id, self._disk, self._own, self._judge = topics, boot_id, disk, own, validator
        self._wanted: DesiredConfig | None = None
        self._news, self._to_say = asyncio.Event(), asyncio.Event()
        self._applying = False
        self._epoch = Gauge("davy_config_epoch", "The highest epoch of a desired configuration.", ["edge"], registry=registry)
        self._verdicts = Counter(
            "davy_config_desired_total", "Desired configurations, by verdict.", ["edge", "verdict"], registry=registry
        )
        self._boot_fault = ""
        self.config, self._plain = self._boot()
        self._epoch.labels(topics.edge).set(disk.pointer.epoch)

    @property
    def gone(self) -> tuple[str, ...]:
        """Cameras that the edge had: their retained messages are to be cleared."""
        return self._disk.pointer.gone

    def reported(self) -> Message:
        """The retained message."""
        pointer = self._disk.pointer
        said = ReportedConfig(
            epoch=pointer.epoch,
            target=pointer.target,
            state=ConfigState.APPLYING if self._applying else pointer.state,
            reason=pointer.reason[:1000],
            id=config_id(self._plain),
            config=without_secrets(self._plain),
            boot_id=self._boot_id,
            at_ns=time.time_ns(),
        )
        return Message(self._topics.reported_config, said.to_bytes(), qos=1, retain=True, content_type="application/json")

    async def run(self, bus: Bus, apply: Apply, note: Note) -> None:
        """Listen, do and tell, until cancelled."""
        if self._boot_fault:
            note("config-refused", self._boot_fault[:500], ALARM)
        try:
            await until_first_ends(
                f"config.{self._topics.edge}",
                listen=self._listen(bus),
                work=self._work(apply, note),
                say=self._say_on(bus),
                again=self._say_again(),
                keep=self._keep(),
            )
        except asyncio.CancelledError:
            if self._disk.pointer.attempts:
                with suppress(OSError):  # the edge is stopped: that is no fault of the configuration
                    self._disk.point(attempts=0)
            raise

    # --- what runs at boot -------------------------------------------------------------------------------------------------

    def _boot(self) -> tuple[EdgeConfig, dict[str, Any]]:
        """What the file names; where that is no good, what was before it; where that is none, what site.yaml says."""
        pointer = self._disk.pointer
        if pointer.attempts > MAX_ATTEMPTS:
            self._boot_fault = f"the edge ended {pointer.attempts} times within {KEPT_AFTER_S:g} s of being configured so"
            self._refuse_at_boot(running=pointer.previous)
        elif pointer.attempts:
            with suppress(OSError):  # the next boot counts
                self._disk.point(attempts=pointer.attempts + 1)
        pointer = self._disk.pointer
        for plain in (pointer.running, pointer.previous) if pointer.running else ():
            if plain is None:
                continue
            try:
                config = read_config(plain)
                if config.enhance != self._own.enhance:
                    raise InvalidInputError(f"enhance: site.yaml says {self._own.enhance!r} now")
            except InvalidInputError as error:
                self._boot_fault = f"the configuration of epoch {pointer.epoch} no longer runs: {error}"
                continue
            if plain is not pointer.running:
                self._refuse_at_boot(running=plain)
            return config, plain
        if pointer.running is not None:
            self._refuse_at_boot(running=None)
        return self._own, to_plain(self._own)

    def _refuse_at_boot(self, **changes: object) -> None:
        log.error("config.refused_at_boot", reason=self._boot_fault)
        changes |= {"state": ConfigState.REJECTED, "reason": self._boot_fault, "previous": None, "attempts": 0}
        try:
            self._disk.point(**changes)
        except OSError as error:
            log.error("config.pointer_not_written", error=str(error))
            self._disk.remember(**changes)

    # --- desired -----------------------------------------------------------------------------------------------------------

    async def _listen(self, bus: Bus) -> None:
        async for message in bus.subscribe([self._topics.desired_config], qos=1):
            try:
                desired = DesiredConfig.parse(message.payload)
            except InvalidInputError as error:
                self._count("unreadable")
                log.warning("config.desired_unreadable", error=str(error))
                continue
            seen = self._disk.pointer.epoch
            if desired.epoch < seen:
                self._count("replayed")
                log.warning("config.replayed", epoch=desired.epoch, seen=seen)
            elif desired.epoch > seen and (self._wanted is None or desired.epoch >= self._wanted.epoch):
                self._wanted = desired
                self._news.set()

    async def _work(self, apply: Apply, note: Note) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            desired, self._wanted = self._wanted, None
            if desired is not None and desired.epoch > self._disk.pointer.epoch:
                await whole(self._take(desired, apply, note))

    async def _take(self, desired: DesiredConfig, apply: Apply, note: Note) -> None:
        seen: dict[str, Any] = {"epoch": desired.epoch, "target": desired.id}
        try:
            config = await asyncio.to_thread(self._judge.judge, desired, self.config)
            failpoint("config.judged")
            await self._switch(config, desired, apply, note)
        except InvalidInputError as error:
            await self._refuse(f"{error}", note, **seen)
        except OSError as error:
            await self._refuse(f"it cannot be kept on disk: {error.strerror or error}", note, **seen)
        self._epoch.labels(self._topics.edge).set(self._disk.pointer.epoch)
        self._to_say.set()

    async def _switch(self, config: EdgeConfig, desired: DesiredConfig, apply: Apply, note: Note) -> None:
        """On disk, then applied; what cannot be applied is undone."""
        old_config, old_plain, pointer = self.config, self._plain, self._disk.pointer
        gone = [name for name in (*old_config.cameras, *pointer.gone) if name not in config.cameras]
        changes = {
            "epoch": desired.epoch,
            "target": desired.id,
            "state": ConfigState.APPLIED,
            "reason": "",
            "running": desired.config,
            "previous": pointer.running,
            "attempts": 1,
            "gone": tuple(dict.fromkeys(gone))[:MAX_GONE],
        }
        await asyncio.to_thread(partial(self._disk.point, **changes))
        failpoint("config.pointed")
        self._applying = True
        self._to_say.set()
        try:
            self.config, self._plain = config, desired.config
            told = await apply(config)
            failpoint("config.applied")
        except Exception as error:  # whatever is wrong with it, the edge goes on as it was
            log.exception("config.not_applied", epoch=desired.epoch)
            self.config, self._plain = old_config, old_plain
            await apply(old_config)
            await self._refuse(
                f"it could not be applied: {type(error).__name__}: {error}", note, running=pointer.running, gone=pointer.gone
            )
            return
        finally:
            self._applying = False
        self._count("applied")
        log.info("config.applied", epoch=desired.epoch, id=desired.id[:12], changes=told)
        note("config-applied", f"configuration {desired.id[:12]} of epoch {desired.epoch}: {told}"[:500], INFO)

    async def _refuse(self, reason: str, note: Note, **changes: object) -> None:
        self._count("rejected")
        log.warning(
            "config.rejected", reason=reason, **{name: changes[name] for name in ("epoch", "target") if name in changes}
        )
        changes |= {"state": ConfigState.REJECTED, "reason": reason[:1000], "attempts": 0}
        try:
            await asyncio.to_thread(partial(self._disk.point, **changes))
        except OSError as error:
            log.error("config.pointer_not_written", error=str(error))
            self._disk.remember(**changes)
        failpoint("config.refused")
        note("config-refused", f"the configuration of epoch {self._disk.pointer.epoch} was refused: {reason}"[:500], WARNING)

    async def _keep(self) -> None:
        """What the edge has lived with for some time is no longer on trial."""
        while True:
            epoch = self._disk.pointer.epoch
            await asyncio.sleep(KEPT_AFTER_S)
            pointer = self._disk.pointer
            if pointer.attempts and pointer.epoch == epoch and not self._applying:
                with suppress(OSError):  # it is tried again
                    await whole(asyncio.to_thread(self._disk.point, attempts=0))
                    failpoint("config.kept")

    def _count(self, verdict: str) -> None:
        self._verdicts.labels(self._topics.edge, verdict).inc()

    # --- told --------------------------------------------------------------------------------------------------------------

    async def _say_on(self, bus: Bus) -> None:
        while True:
            await self._to_say.wait()
            self._to_say.clear()
            with suppress(BrokerUnavailableError):  # it is said at the next connect
                await bus.publish(self.reported())

    async def _say_again(self) -> None:
        while True:
            await asyncio.sleep(SAY_AGAIN_S * random.uniform(0.5, 1.5))
            self._to_say.set()
