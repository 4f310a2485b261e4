"""Access control of one service: its HTTP interface and its gRPC server."""

from dataclasses import dataclass

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter

from davy.access.permissions import REST
from davy.adapters.access.credentials import Authenticator
from davy.adapters.access.grpc import AccessInterceptor
from davy.adapters.access.http import AccessControl
from davy.streams.guard import CountRefused


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """Who may call a service.

    Attributes:
        service: "aggregator", "enhancer" or "trainer".
        authenticator: Names the caller.
        refused: Metric of refused calls.
        login: URL of the login page; empty for none.
    """

    service: str
    authenticator: Authenticator
    refused: Counter
    login: str = ""

    @classmethod
    def of(cls, service: str, authenticator: Authenticator, registry: CollectorRegistry, login: str = "") -> "ServiceAccess":
        """Make the access control of a service, with its metric."""
        labels = ["wire", "reason"]
        text = "Calls without an identity or a permission."
        return cls(service, authenticator, Counter("davy_access_refused", text, labels, registry=registry), login)

    def protect(self, app: FastAPI) -> None:
        """Put the check in front of every route of an app. Call it after every other middleware is added."""
        app.add_middleware(
            AccessControl,
            table=REST[self.service],
            authenticator=self.authenticator,
            count_refused=self._counter("http"),
            login=self.login,
        )

    def interceptor(self) -> AccessInterceptor:
        """The check in front of every gRPC method."""
        return AccessInterceptor(self.authenticator, self._counter("grpc"))

    def _counter(self, wire: str) -> CountRefused:
        return lambda error: self.refused.labels(wire, type(error).__name__).inc()
