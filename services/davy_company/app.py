"""Composition of the company view, from its settings to its socket."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from davy.adapters.access.remote import access_of
from davy.adapters.http.identity_client import renewer_of
from davy.adapters.http.server import serve_app
from davy.adapters.tls import Tls
from davy.adapters.tls.watch import log_event, watch_identity
from davy.streams.supervisor import Component, Supervisor
from davy.streams.tasks import until_first_ends
from davy_company.config import CompanyConfig
from davy_company.metrics import CompanyMetrics
from davy_company.rest import build_app
from davy_company.settings import CompanySettings
from davy_company.watch import CompanyWatch


async def serve(
    settings: CompanySettings,
    config: CompanyConfig,
    registry: CollectorRegistry | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Watch the sites of a company and serve what is known about them, until cancelled.

    Args:
        registry: Registry of the metrics, which GET /metrics shows.
        ready: Called once with the HTTP port, as soon as connections are accepted.

    Raises:
        AddressUnavailableError: the port is in use.
        ConfigError: an address or a file of a site cannot be used, or it would listen beyond loopback without protection.
    """
    settings.check_exposure()
    registry = registry or CollectorRegistry()
    tls, watch = Tls.of(settings.tls), CompanyWatch(config, CompanyMetrics(registry))
    if tls is not None:
        tls.install_metrics(registry)
    app = build_app(watch, registry, access_of("company", settings, registry))
    supervisor = Supervisor("company", registry, lambda *_: None)
    components: dict[str, Component] = {"sites": lambda: watch.run(settings.every_s, settings.timeout_s, settings.max_alarms)}
    if tls is not None:
        own = tls
        components["identity"] = lambda: watch_identity(own, log_event, renewer_of(own))
    await until_first_ends(
        "company",
        http=serve_app(app, settings.host, settings.port, ready, tls=tls, connections=settings.connections),
        **{name: supervisor.run(name, component) for name, component in components.items()},
    )
