"""Access control of one service: its HTTP interface and its gRPC server."""

from dataclasses import dataclass

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter

from davy.access.journal import Journal
from davy.access.permissions import REST
from davy.adapters.access.credentials import Authenticator
from davy.adapters.access.grpc import AccessInterceptor
from davy.adapters.access.http import AccessControl
from davy.adapters.http.request_id import RequestId
from davy.streams.guard import CountRefused


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """Who may call a service.

    Attributes:
        service: "aggregator", "enhancer" or "trainer".
        authenticator: Names the caller.
        refused: Metric of refused calls.
        login: URL of the login page; empty for none.
        journal: Records changes and refused attempts; None for none.
    """

    service: str
    authenticator: Authenticator
    refused: Counter
    login: str = ""
    journal: Journal | None = None

    @classmethod
    def of(
        cls,
        service: str,
        authenticator: Authenticator,
        registry: CollectorRegistry,
        login: str = "",
        journal: Journal | None = None,
    ) -> "ServiceAccess":
        """Make the access control of a service, with its metric."""
        labels = ["wire", "reason"]
        text = "Calls without an identity or a permission."
        return cls(service, authenticator, Counter("davy_access_refused", text, labels, registry=registry), login, journal)

    def protect(self, app: FastAPI) -> None:
        """Put the check and the request's id in front of every route. Call it after every other middleware is added."""
        app.add_middleware(
            AccessControl,
            table=REST[self.service],
            authenticator=self.authenticator,
            count_refused=self._counter("http"),
            login=self.login,
            journal=self.journal,
        )
        app.add_middleware(RequestId)

    def interceptor(self) -> AccessInterceptor:
        """The check in front of every gRPC method."""
        return AccessInterceptor(self.authenticator, self._counter("grpc"), journal=self.journal)

    def _counter(self, wire: str) -> CountRefused:
        return lambda error: self.refused.labels(wire, type(error).__name__).inc()
