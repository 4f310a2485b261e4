"""A member of the enhancer pool as a target of rollouts: its state on the broker, and its model. See davy.deployment."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import CollectorRegistry

from davy.adapters.grpc import model_client
from davy.adapters.storage.folder_lock import hold_folder
from davy.deployment.manager import ModelManager
from davy.deployment.metrics import ModelMetrics
from davy.domain.boot import new_boot_id
from davy.domain.errors import BrokerUnavailableError, ConfigError
from davy.domain.ports import Bus, Message
from davy.domain.suggestion import did_you_mean
from davy.domain.topics import OFFLINE, ONLINE, EdgeTopics
from davy.imaging.runtime import StillEnhancer
from davy.site import SiteConfig
from davy.streams.tasks import until_first_ends
from davy.twin.payload import log_event


class PoolMember:
    """Follows the desired model of one enhancer, as an edge does.

    Args:
        name: Id of the enhancer, in the place of an edge's in its topics.
        data: Folder of the service.
        trust: Key set that authorizes models.
        installed: Model that runs without a rolled-out one.
        registry: Receives the metrics of the model.
    """

    def __init__(
        self, site: SiteConfig, name: str, data: Path, trust: Path, installed: StillEnhancer, registry: CollectorRegistry
    ) -> None:
        self._site, self._topics = site, EdgeTopics(site.site, name)
        self._boot_id = new_boot_id()
        self._started_ns = time.time_ns()
        self._swapped = asyncio.Event()
        folder, metrics = models_folder(data, site, name), ModelMetrics(name, registry)
        self.models = ModelManager(
            self._topics, self._boot_id, folder, trust, installed, 1, metrics, log_event, self._swapped.set
        )

    @property
    def will(self) -> Message:
        """The retained message that the broker publishes when this enhancer vanishes."""
        return Message(self._topics.status, OFFLINE, qos=1, retain=True)

    async def on_connect(self, bus: Bus) -> None:
        """Publish the retained state at every connect: a restarted broker may have lost it."""
        await bus.publish(self._birth())
        await bus.publish(self.models.reported())
        await bus.publish(Message(self._topics.status, ONLINE, qos=1, retain=True))

    async def run(self, bus: Bus) -> None:
        """Follow the desired model until cancelled."""
        async with model_client.connect(self._site.aggregator) as client:
            await until_first_ends(
                "enhancer.member", models=self.models.run(bus, client), births=self._births(bus), status=self._stay_online(bus)
            )

    def _birth(self) -> Message:
        facts = {
            "boot_id": self._boot_id,
            "started_ns": self._started_ns,
            "said_ns": time.time_ns(),
            "kind": "enhancer",
            "model": self.models.running.model,
        }
        return Message(self._topics.info, json.dumps(facts).encode(), qos=1, retain=True, content_type="application/json")

    async def _births(self, bus: Bus) -> None:
        """Publish the birth message again whenever the model changes."""
        while True:
            await self._swapped.wait()
            self._swapped.clear()
            with suppress(BrokerUnavailableError):  # the next connect publishes it
                await bus.publish(self._birth())

    async def _stay_online(self, bus: Bus) -> None:
        """Stay online when another enhancer of the same name ends."""
        async for message in bus.subscribe([self._topics.status], qos=1):
            if message.payload == OFFLINE:
                with suppress(BrokerUnavailableError):
                    await bus.publish(Message(self._topics.status, ONLINE, qos=1, retain=True))


def choose_name(name: str, site: SiteConfig) -> str:
    """Choose the id of this enhancer; the first one of the site if name is empty, or empty if it has none.

    Raises:
        ConfigError: the site has no enhancer of that name.
    """
    if name and name not in site.pool:
        hint = did_you_mean(name, site.pool) or f"; its enhancers: {', '.join(site.pool) or 'none'}"
        raise ConfigError(f"site {site.site} has no enhancer {name!r}{hint}")
    return name or next(iter(site.pool), "")


def models_folder(data: Path, site: SiteConfig, name: str) -> Path:
    """Return the folder of an enhancer's models."""
    return data / site.site / name / "models"


@contextmanager
def held_models_folder(data: Path, site: SiteConfig, name: str) -> Iterator[None]:
    """Hold the folder of an enhancer's models.

    Raises:
        FolderInUseError: another enhancer holds it.
        OSError: the folder cannot be written.
    """
    with hold_folder(models_folder(data, site, name), f"enhancer {name}"):
        yield
