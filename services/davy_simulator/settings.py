"""Settings of the simulated mine's camera server."""

from pydantic import Field, PositiveFloat
from pydantic_settings import BaseSettings


class MineSettings(BaseSettings, env_prefix="DAVY_MINE_", frozen=True):
    """Every value has an environment variable: DAVY_MINE_PORT=8090."""

    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65535)  # 0 takes a free one
    seed: int = 7
    width: int = Field(1280, ge=64, le=1920)
    height: int = Field(720, ge=48, le=1080)
    fps: PositiveFloat = Field(10.0, le=60)
    quality: int = Field(85, ge=10, le=100)  # of the cameras' JPEGs
    max_viewers: int = Field(32, ge=1)  # of one camera
    warm: bool = True  # cut every place's rock before the first viewer comes; else the first viewer waits for it
