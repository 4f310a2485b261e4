"""Settings of the edge; the environment variable DAVY_EDGE_<NAME> sets each of them."""

from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings

from davy.adapters.tls.settings import TlsSettings


class EdgeSettings(BaseSettings, env_prefix="DAVY_EDGE_", env_nested_delimiter="__", frozen=True):
    """Settings of one edge process."""

    edge: str = Field("", description="Id of the edge in the site file; optional if the file has only one.")
    data: Path = Field(Path("data/edge"), description="Folder of the spool; each edge uses its own subfolder.")
    model: Path | None = Field(None, description="ONNX file of the network; the shipped one if absent.")
    trust: Path | None = Field(None, description="Key set of `davy keys` for models; DATA/trust.json if absent.")
    config_trust: Path | None = Field(
        None, description="Key set of `davy keys`; if set, accept only remote configurations signed by one of its keys."
    )
    max_cameras: PositiveInt = Field(32, description="Maximum cameras; a configuration with more is rejected.")
    max_megapixels: PositiveFloat = Field(
        100.0,
        description="Maximum size of one picture of each camera together, in megapixels: 48 cameras of 1080p. Beyond it, the "
        "camera with the largest pictures is closed.",
    )
    # The thread budget: parallel x threads. Decoders, scalers and encoders use these threads, too.
    parallel: NonNegativeInt = Field(
        0,
        description="Frames processed at the same time, over all cameras; 0: one per available processor.",
    )
    threads: PositiveInt = Field(1, description="Threads per frame, for the network and for the pixels.")
    every: PositiveInt = Field(10, description="Run the network on every n-th frame; every frame is enhanced.")
    adapt: bool = Field(True, description="On a slow link to the aggregator, lower quality, size, then rate of the frames.")
    search_s: PositiveFloat = Field(3.0, le=20, description="Seconds in which ONVIF cameras answer a search.")
    search_port: int = Field(3702, ge=1, le=65535, description="UDP port of the search for ONVIF cameras.")
    stats_every_s: PositiveFloat = Field(10.0, description="Seconds between two messages on the stats topic.")
    spool_max_bytes: int = Field(256 * 2**20, ge=2**20, description="Maximum size of the spool; a tenth is for events.")
    samples_bytes_per_hour: NonNegativeInt = Field(
        2_000_000, description="Maximum bytes per hour of raw training samples of one camera; 0 disables them."
    )
    samples_every_s: PositiveFloat = Field(300.0, description="Seconds between two training samples of one camera.")
    samples_spool_bytes: int = Field(64 * 2**20, ge=2**20, description="Maximum size of the spool of training samples.")
    ring: Path | None = Field(None, description="Folder of recorded video; `recordings` in the edge's own subfolder if absent.")
    ring_max_bytes: int = Field(
        20_000_000_000, ge=1_000_000, description="Maximum size of recorded video; the oldest is deleted first."
    )
    ring_fill_bytes_per_s: PositiveInt = Field(
        1_000_000, description="Maximum bytes/s of recorded video to an aggregator that missed it."
    )
    look_every_s: PositiveFloat = Field(2.0, description="Seconds between two measurements of a camera's light.")
    drift_reference_s: PositiveFloat = Field(
        600.0, description="Seconds after a model change in which the edge learns the reference light."
    )
    drift_window_s: PositiveFloat = Field(300.0, description="Time constant of the present light, in seconds.")
    metrics_host: str = Field("127.0.0.1", description="Address of /metrics and /healthz.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of /metrics and /healthz; 0 disables them.")
    tls: TlsSettings = Field(default_factory=TlsSettings)
