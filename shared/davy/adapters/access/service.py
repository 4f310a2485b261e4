"""Access control of one service: its HTTP interface and its gRPC server."""

from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from prometheus_client import CollectorRegistry, Counter

from davy.access.journal import Journal
from davy.access.permissions import REST
from davy.adapters.access.credentials import Authenticator
from davy.adapters.access.grpc import AccessInterceptor
from davy.adapters.access.http import AccessControl
from davy.adapters.grpc.tls import peer_uri
from davy.adapters.http.browser_boundary import BrowserBoundary
from davy.adapters.http.listen_settings import ListenSettings
from davy.adapters.http.request_id import RequestId
from davy.adapters.http.trusted_proxy import ProxyHeaders, TrustedProxy
from davy.streams.guard import CountRefused


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """Who may call a service.

    Attributes:
        service: "aggregator", "enhancer", "trainer" or "company".
        authenticator: Names the caller.
        refused: Metric of refused calls.
        login: URL of the login page; empty for none.
        journal: Records changes and refused attempts; None for none.
        hosts: Names of the service, beside its addresses and the machine's name.
        origins: Other origins whose pages may call it.
        proxy: The proxy that is believed who calls; None for none.
    """

    service: str
    authenticator: Authenticator
    refused: Counter
    login: str = ""
    journal: Journal | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxy: ProxyHeaders | None = None

    @classmethod
    def of(
        cls,
        service: str,
        authenticator: Authenticator,
        registry: CollectorRegistry,
        settings: ListenSettings,
        login: str = "",
        journal: Journal | None = None,
    ) -> "ServiceAccess":
        """Make the access control of a service, with its metric.

        Raises:
            ConfigError: The secret of the trusted proxy cannot be read.
        """
        labels = ["wire", "reason"]
        text = "Calls without an identity or a permission."
        refused = Counter("davy_access_refused", text, labels, registry=registry)
        proxy = ProxyHeaders(settings.proxy) if settings.proxy.networks else None
        return cls(service, authenticator, refused, login, journal, settings.hosts, settings.origins, proxy)

    def protect(self, app: FastAPI) -> None:
        """Put the boundary against other sites' pages, the check and the request's id in front of every route of an app.

        Call it after every other middleware is added.
        """
        app.add_middleware(
            AccessControl,
            table=REST[self.service],
            authenticator=self.authenticator,
            count_refused=self._counter("http"),
            login=self.login,
            journal=self.journal,
        )
        if self.origins:
            methods = ["GET", "POST", "PUT", "DELETE"]
            app.add_middleware(
                CORSMiddleware,
                allow_origins=self.origins,
                allow_methods=methods,
                allow_headers=["Authorization", "Content-Type", "If-Match"],
            )
        app.add_middleware(BrowserBoundary, hosts=self.hosts, origins=self.origins)
        if self.proxy is not None:
            app.add_middleware(TrustedProxy, proxy=self.proxy, count_refused=self._counter("http"))
        app.add_middleware(RequestId)

    def interceptor(self) -> AccessInterceptor:
        """The check in front of every gRPC method."""
        return AccessInterceptor(self.authenticator, self._counter("grpc"), peer_uri, self.journal)

    def _counter(self, wire: str) -> CountRefused:
        return lambda error: self.refused.labels(wire, type(error).__name__).inc()
