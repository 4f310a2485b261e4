"""The addresses of a service that serves HTTP and gRPC, as settings."""

from typing import Annotated

from pydantic import BaseModel, Field

from davy.adapters.tls.settings import TlsSettings

HttpPort = Annotated[int, Field(ge=0, le=65535, description="HTTP port; 0 chooses a free one.")]
GrpcPort = Annotated[int, Field(ge=0, le=65535, description="gRPC port; 0 chooses a free one.")]


class ListenSettings(BaseModel, frozen=True):
    """Base of a service's settings; the service sets the default ports."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: HttpPort = 0
    grpc_port: GrpcPort = 0
    tls: TlsSettings = Field(default_factory=TlsSettings)
