"""The addresses of a service that serves HTTP and gRPC, as settings."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, PositiveInt

from davy.adapters.http.connections import ConnectionLimits
from davy.adapters.tls.settings import TlsSettings
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
        "open",
        description="closed: every call needs an identity and its permission; open: everybody who reaches it is its owner.",
    )
    tls: TlsSettings = Field(default_factory=TlsSettings)
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


class RemoteAccessSettings(ListenSettings, frozen=True):
    """Base of the settings of a service that asks an aggregator who calls."""

    directory: PlainUrl = Field(
        "", description="http://host:8080 of the aggregator that knows users and tokens; for closed access."
    )
