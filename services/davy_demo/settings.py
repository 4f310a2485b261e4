"""Settings of the demo."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat
from pydantic_settings import BaseSettings


class DemoSettings(BaseSettings, env_prefix="DAVY_DEMO_", frozen=True):
    """Settings of the demo; DAVY_DEMO_<NAME> sets each of them. A free port replaces each port in use."""

    seed: int = Field(7, description="Seed of the simulated mine.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    console_port: int = Field(8080, ge=0, le=65535, description="HTTP port of the aggregator; 0 chooses a free one.")
    grpc_port: int = Field(50051, ge=0, le=65535, description="gRPC port of the aggregator.")
    mqtt_port: int = Field(1883, ge=0, le=65535, description="Port of the MQTT broker.")
    enhancer_port: int = Field(8081, ge=0, le=65535, description="HTTP port of the enhancer.")
    enhancer_grpc_port: int = Field(50052, ge=0, le=65535, description="gRPC port of the enhancer.")
    access: Literal["open", "closed"] = Field(
        "closed", description="closed: every call needs an identity and its permission; open: everybody is the owner."
    )
    tls: bool = Field(False, description="Encrypt HTTP, gRPC and MQTT, with an authority of its own in the data folder.")
    seconds: NonNegativeFloat = Field(0, description="Run for this long, then print a summary; 0: until Ctrl-C.")
    sample_s: PositiveFloat = Field(3.0, description="Seconds between two PSNR measurements of one camera.")
    data: Path = Field(Path(".davy"), description="Folder of spools, events, models and keys.")
    table: Literal["auto", "live", "lines", "off"] = Field(
        "auto", description="Progress output; auto: live on a terminal, otherwise a line every few seconds."
    )
