"""The addresses of a service that serves HTTP and gRPC, as settings."""

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import BaseModel, Field, PositiveInt

from davy.adapters.http.connections import ConnectionLimits
from davy.adapters.http.proxy_settings import ProxySettings
from davy.adapters.tls.settings import TlsSettings
from davy.domain.errors import ConfigError
from davy.domain.secret_url import PlainUrl

HttpPort = Annotated[int, Field(ge=0, le=65535, description="HTTP port; 0 chooses a free one.")]
GrpcPort = Annotated[int, Field(ge=0, le=65535, description="gRPC port; 0 chooses a free one.")]


class ListenSettings(BaseModel, frozen=True):
    """Base of a service's settings; the service sets the default ports."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: HttpPort = 0
    grpc_port: GrpcPort = 0
    hosts: tuple[str, ...] = Field((), description="Names with a dot by which browsers reach it; the machine's own is known.")
    origins: tuple[str, ...] = Field((), description='Origins of other sites whose pages may call it: ["https://portal.mine"].')
    access: Literal["open", "closed"] = Field(
        "closed",
        description="closed: every call needs an identity and its permission; open, on loopback alone: everybody is its owner.",
    )
    behind_tls_proxy: bool = Field(False, description="Listen on other addresses without TLS: a proxy in front encrypts.")
    tls: TlsSettings = Field(default_factory=TlsSettings)
    proxy: ProxySettings = Field(default_factory=ProxySettings)
    max_connections: PositiveInt = Field(
        1024, description="Maximum HTTP connections; at most half of the process's file descriptors."
    )
    max_connections_per_address: PositiveInt = Field(
        256, description="Of these, maximum of one address. Raise it for a proxy through which everybody comes."
    )

    @property
    def connections(self) -> ConnectionLimits:
        """Limits of HTTP connections."""
        return ConnectionLimits(self.max_connections, self.max_connections_per_address)

    def listens_on(self) -> tuple[str, ...]:
        """Every address on which it listens."""
        return (self.host,)

    def check_exposure(self) -> None:
        """Refuse what would let a network in without identities.

        Raises:
            ConfigError: The service would listen beyond loopback open to everybody, or unencrypted.
        """
        exposed = next((address for address in self.listens_on() if not is_loopback(address)), None)
        if exposed is None:
            return
        if self.access == "open":
            raise ConfigError(
                f"open access is for this machine alone: listen on 127.0.0.1 instead of {exposed}, or leave --insecure away"
            )
        if self.tls.files() is None and not self.behind_tls_proxy:
            raise ConfigError(
                f"{exposed} is reached from other machines, and nothing would be encrypted: give this program an identity "
                "(DAVY_TLS_FOLDER, see `davy identity`), or listen on 127.0.0.1"
            )


class RemoteAccessSettings(ListenSettings, frozen=True):
    """Base of the settings of a service that asks an aggregator who calls."""

    directory: PlainUrl = Field(
        "", description="http://host:8080 of the aggregator that knows users and tokens; for closed access."
    )
    console: PlainUrl = Field(
        "", description="http://host:8080 of the aggregator's pages, as browsers reach it; that of `directory` if empty."
    )


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
