"""Settings of the simulator's camera server."""

from typing import Literal

from pydantic import Field, PositiveFloat, SecretStr
from pydantic_settings import BaseSettings


class SimulatorSettings(BaseSettings, env_prefix="DAVY_SIMULATOR_", frozen=True):
    """Each setting has an environment variable: DAVY_SIMULATOR_PORT=8090."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: int = Field(8090, ge=0, le=65535, description="HTTP port; 0 chooses a free one.")
    seed: int = Field(7, description="Seed of the simulated mine.")
    width: int = Field(1280, ge=64, le=1920, description="Width of the pictures in pixels.")
    height: int = Field(720, ge=48, le=1080, description="Height of the pictures in pixels.")
    fps: PositiveFloat = Field(10.0, le=60, description="Frames per second of each camera.")
    quality: int = Field(85, ge=10, le=100, description="JPEG quality of the cameras.")
    max_viewers: int = Field(32, ge=1, description="Maximum simultaneous viewers of one camera.")
    warm: bool = Field(True, description="Build every scene at the start; otherwise the first viewer waits for it.")
    onvif: bool = Field(False, description="Also be an ONVIF device that a search of the network finds.")
    onvif_port: int = Field(3702, ge=1, le=65535, description="UDP port of the search; 3702 is the standard's.")
    onvif_media: tuple[Literal[1, 2], ...] = Field(
        (1, 2), min_length=1, description="Media services of the ONVIF device: 1 of Profile S, 2 of Profile T."
    )
    onvif_user: str = Field("", description="User that the ONVIF device asks for; empty: it asks for none.")
    onvif_password: SecretStr = Field(SecretStr(""), description="Password of that user.")
