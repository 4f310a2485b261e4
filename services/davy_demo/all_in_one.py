"""Composition of every service and the simulated mine in one process."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from davy.access.own_token import named_by
from davy.adapters import mqtt
from davy.adapters.camera import OPENERS
from davy.adapters.embedded.local_broker import OBSERVER_USER, LocalBroker, local_broker
from davy.adapters.embedded.servers import embedded_store, free_port
from davy.adapters.mqtt.mosquitto import AGGREGATOR, ENHANCER, VIEWER
from davy.adapters.tls import Tls
from davy.adapters.tls.settings import PLAIN, TlsSettings
from davy.domain.camera import CameraAddress
from davy.domain.ports import OpenSource
from davy.domain.secret_url import SecretUrl
from davy.identity.provision import ensure_authority, ensure_identity
from davy.imaging.runtime import StillEnhancer
from davy.models.keyring import TRUST
from davy.site import OLD_SCHEME, SIMULATOR_SCHEME, SiteConfig
from davy.streams.tasks import until_first_ends
from davy_aggregator import app as aggregator
from davy_aggregator.settings import AggregatorSettings
from davy_demo.accounting import CameraAccount, read_accounts
from davy_demo.first_model import first_model
from davy_demo.identities import Identities, make_identities, write_shell_file
from davy_demo.observer import CameraView, Views, observe, sample_quality
from davy_demo.settings import DemoSettings
from davy_edge import app as edge
from davy_edge.frames.fair_semaphore import FairSemaphore, slots_for
from davy_edge.settings import EdgeSettings
from davy_enhancer import app as enhancer
from davy_enhancer.settings import EnhancerSettings
from davy_simulator.world import Mine

OBSERVER = "observer"
SIMULATED = (SIMULATOR_SCHEME, OLD_SCHEME)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of the services; moved lists the replaced ports."""

    host: str
    console: int
    mqtt: int
    grpc: int
    enhancer: int
    enhancer_grpc: int
    moved: tuple[str, ...]

    @classmethod
    def choose(cls, settings: DemoSettings) -> "Addresses":
        """Choose the ports of the settings; replace each port in use by a free one."""
        wanted = {
            "console": settings.console_port,
            "mqtt": settings.mqtt_port,
            "grpc": settings.grpc_port,
            "enhancer": settings.enhancer_port,
            "enhancer_grpc": settings.enhancer_grpc_port,
        }
        found = {name: free_port(settings.host, port) for name, port in wanted.items()}
        moved = tuple(
            f"port {wanted[name]} ({name}) is in use: using {port}"
            for name, port in found.items()
            if wanted[name] not in (0, port)
        )
        return cls(settings.host, **found, moved=moved)


@dataclass(slots=True)
class RunningDemo:
    """The state of a running demo, for the tables.

    Attributes:
        viewer: Endpoint of the broker for a program that watches, with its login.
        link: Secret that signs a browser in once; empty in an open demo.
        note: What the broker cannot do; empty if it can do everything.
    """

    site: SiteConfig
    addresses: Addresses
    views: Views
    registries: list[CollectorRegistry]
    viewer: str = ""
    link: str = ""
    note: str = ""
    listening: asyncio.Event = field(default_factory=asyncio.Event)  # set when console, gRPC and REST accept connections
    all_delivered: asyncio.Event = field(default_factory=asyncio.Event)  # set when every camera has delivered a frame

    def accounts(self) -> Mapping[CameraAddress, CameraAccount]:
        return read_accounts(self.site.site, self.registries)


class AllInOne:
    """Runs broker, cache, simulated cameras, edges, enhancer and aggregator of one site, over real sockets."""

    def __init__(self, settings: DemoSettings, site: SiteConfig, edges: Mapping[str, Any] | None = None) -> None:
        """Prepare the demo. edges: settings that replace the defaults of every edge."""
        self.settings, self._edge_settings = settings, dict(edges or {})
        self.mine = Mine(settings.seed)
        addresses = Addresses.choose(settings)
        self._registries = {edge_id: CollectorRegistry() for edge_id in site.edges}
        self.running = RunningDemo(
            site, addresses, {camera: CameraView() for camera in site.camera_ids()}, list(self._registries.values())
        )
        self._waiting = {"aggregator", "enhancer"}
        self._semaphore = FairSemaphore(slots_for(parallel=0, threads=1))  # shared by all edges of the process

    def seconds(self) -> float:
        """Return the time on the simulator's clock in s."""
        return self.mine.time_of(time.time_ns())

    @property
    def registry_url(self) -> str:
        """Return the URL of the model registry."""
        return f"file://{(self.settings.data / 'models').absolute()}"

    @property
    def keys(self) -> Path:
        """Return the folder of the signing keys."""
        return self.settings.data / "keys"

    async def run(self) -> None:
        """Run everything until cancelled.

        Raises:
            BrokerUnavailableError, StoreUnavailableError: an embedded server did not start.
        """
        running, settings = self.running, self.settings
        with ExitStack() as stack:
            broker = self._start_broker(stack)
            cache = stack.enter_context(embedded_store())
            grpc = f"grpc{self._secure}://{settings.host}:{running.addresses.grpc}"
            site = running.site.model_copy(update={"cache": SecretUrl(cache), "aggregator": SecretUrl(grpc)})
            still = await asyncio.to_thread(StillEnhancer)
            await asyncio.to_thread(first_model, self.registry_url, self.keys)
            identities = await self._make_identities(site)

            def seen_by(user: str) -> SiteConfig:
                return site.model_copy(update={"broker": SecretUrl(broker.of(user))})

            own = Tls.of(self._tls(f"program/{OBSERVER}"))
            async with mqtt.connect(broker.of(OBSERVER_USER), f"davy-{OBSERVER}-{running.addresses.mqtt}", tls=own) as bus:
                services: dict[str, Coroutine[Any, Any, None]] = {
                    "observe": observe(bus, site.camera_ids(), running.views, running.all_delivered.set),
                    "aggregator": self._aggregator(seen_by(AGGREGATOR)),
                    "enhancer": self._enhancer(seen_by(ENHANCER), identities.enhancer),
                    **{
                        f"edge.{edge_id}": self._edge(seen_by(edge_id), edge_id, still, identities.edges[edge_id])
                        for edge_id in site.edges
                    },
                }
                if places := self._simulated_places(site):
                    services["quality"] = sample_quality(self.mine, places, running.views, settings.sample_s)
                await until_first_ends("demo", **services)

    def _start_broker(self, stack: ExitStack) -> LocalBroker:
        """Start the broker; an open demo has an open one."""
        running, host, port = self.running, self.settings.host, self.running.addresses.mqtt
        identity = self._identity("broker/main") if self.settings.tls else None
        closed = self.settings.access == "closed"
        broker = stack.enter_context(local_broker(host, port, running.site, identity, closed))
        login = f"{VIEWER}:{broker.passwords[VIEWER]}@" if closed else ""
        running.viewer, running.note = f"mqtt{self._secure}://{login}{host}:{port}", broker.note
        return broker

    async def _make_identities(self, site: SiteConfig) -> Identities:
        if self.settings.access == "open":
            return Identities("", "", "", dict.fromkeys(site.edges, ""))
        made = await asyncio.to_thread(make_identities, self._aggregator_data, site)
        await asyncio.to_thread(write_shell_file, self.shell_file, made.shell, self.running.viewer)
        self.running.link = made.link
        return made

    @property
    def _secure(self) -> str:
        """Return what an encrypted scheme ends with."""
        return "s" if self.settings.tls else ""

    def _identity(self, name: str) -> Path:
        """Return the folder of an identity of this mine, made if it is missing. Blocks for some milliseconds."""
        folder, host = self.settings.data / "identities", self.settings.host
        authority = ensure_authority(folder / "authority", self.running.site.site)
        ensure_identity(authority, folder / name.replace("/", "-"), name, ("localhost", "127.0.0.1", host))
        return folder / name.replace("/", "-")

    def _tls(self, name: str) -> TlsSettings:
        return TlsSettings(folder=self._identity(name)) if self.settings.tls else PLAIN

    @property
    def shell_file(self) -> Path:
        """Return the file with the token and the broker's login for a shell; a closed demo writes it."""
        return self.settings.data / "access.env"

    @property
    def _aggregator_data(self) -> Path:
        return self.settings.data / "aggregator"

    async def _aggregator(self, site: SiteConfig) -> None:
        addresses = self.running.addresses
        settings = AggregatorSettings(
            host=addresses.host,
            port=addresses.console,
            grpc_port=addresses.grpc,
            data=self._aggregator_data,
            access=self.settings.access,
            registry=self.registry_url,
            trust=self.keys / TRUST,
            confirm="nobody",  # one person tries it out
            enhancer_page=f"http{self._secure}://{addresses.host}:{addresses.enhancer}",
            tls=self._tls("aggregator/main"),
        )
        await aggregator.serve(settings, site, ready=lambda _: self._mark_ready("aggregator"))

    async def _enhancer(self, site: SiteConfig, token: str) -> None:
        addresses = self.running.addresses
        settings = EnhancerSettings(
            host=addresses.host,
            port=addresses.enhancer,
            grpc_port=addresses.enhancer_grpc,
            data=self.settings.data / "enhancer",
            trust=self.keys / TRUST,
            threads=1,
            access=self.settings.access,
            directory=f"http{self._secure}://{addresses.host}:{addresses.console}",
            tls=self._tls("enhancer/main"),
        )
        with named_by(token):
            await enhancer.serve(settings, CollectorRegistry(), site, ready=lambda _: self._mark_ready("enhancer"))

    async def _edge(self, site: SiteConfig, edge_id: str, still: StillEnhancer, token: str) -> None:
        await self.running.listening.wait()  # an edge can wait for the aggregator, but logs warnings
        folder, trust = self.settings.data / "edge", self.keys / TRUST
        settings = EdgeSettings(edge=edge_id, data=folder, trust=trust, tls=self._tls(f"edge/{edge_id}"), **self._edge_settings)
        openers: dict[str, OpenSource] = {**OPENERS, **dict.fromkeys(SIMULATED, self.mine.open_source)}
        with named_by(token):
            await edge.serve(settings, site, openers, self._registries[edge_id], still=still, semaphore=self._semaphore)

    def _mark_ready(self, service: str) -> None:
        self._waiting.discard(service)
        if not self._waiting:
            self.running.listening.set()

    def _simulated_places(self, site: SiteConfig) -> dict[CameraAddress, str]:
        """Return the place of every camera with a ground truth in this process."""
        sources = {camera: urlsplit(str(site.camera(camera).source)) for camera in site.camera_ids()}
        return {camera: url.netloc for camera, url in sources.items() if url.scheme in SIMULATED and not url.query}
