"""Settings of the mine in one process."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat
from pydantic_settings import BaseSettings


class ColocatedSettings(BaseSettings, env_prefix="DAVY_MINE_", frozen=True):
    """Where the mine listens and what it looks at; a port that is taken is replaced by a free one, and said so."""

    config: Path | None = None  # a site.yaml; the built-in four-camera mine where absent
    seed: int = 7  # of the simulated mine
    host: str = "127.0.0.1"
    console_port: int = Field(8080, ge=0, le=65535)
    grpc_port: int = Field(50051, ge=0, le=65535)
    mqtt_port: int = Field(1883, ge=0, le=65535)
    enhancer_port: int = Field(8081, ge=0, le=65535)
    enhancer_grpc_port: int = Field(50052, ge=0, le=65535)
    seconds: NonNegativeFloat = 0  # run this long, then print a summary; 0 means until Ctrl-C
    sample_s: PositiveFloat = 3.0  # each camera's PSNR against the simulator's truth is measured this often
    data: Path = Path(".davy")  # spools and events
    table: Literal["auto", "live", "lines", "off"] = "auto"  # auto: live on a terminal, a line now and then elsewhere
