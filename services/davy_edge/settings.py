"""The edge's settings; each can be set as DAVY_EDGE_<NAME>."""

from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings


class EdgeSettings(BaseSettings, env_prefix="DAVY_EDGE_", frozen=True):
    """One edge process."""

    edge: str = Field("", description="Which edge of site.yaml this is; may be left out where it names only one.")
    data: Path = Field(Path("data/edge"), description="Folder of the spool; each edge gets its own folder in it.")
    model: Path | None = Field(None, description="An ONNX file; the shipped model where absent.")
    trust: Path | None = Field(None, description="The key set of `davy keys`; DATA/trust.json where absent.")
    config_trust: Path | None = Field(
        None, description="A key set of `davy keys`: where set, only what its keys signed configures this edge over the wire."
    )
    max_cameras: PositiveInt = Field(32, description="A configuration with more is refused.")
    # The thread budget: parallel x threads. Decoders, scalers and encoders take no thread of their own beside it.
    parallel: NonNegativeInt = Field(
        0,
        description="Pictures worked on at once, all cameras in turn; 0: as many as there are processors for.",
    )
    threads: PositiveInt = Field(1, description="Threads on one picture: of the network, and of the pixels, in bands of rows.")
    every: PositiveInt = Field(10, description="The network looks at one frame in so many; the pixels are done every frame.")
    stats_every_s: PositiveFloat = Field(10.0, description="Between two messages on the stats topic.")
    spool_max_bytes: int = Field(256 * 2**20, ge=2**20, description="Of the spool on disk; a tenth is kept for events.")
    samples_bytes_per_hour: NonNegativeInt = Field(
        2_000_000, description="Of raw pictures that a camera may send for training within an hour; 0 sends none."
    )
    samples_every_s: PositiveFloat = Field(300.0, description="A camera gives one such picture within it, at most: the best.")
    samples_spool_bytes: int = Field(64 * 2**20, ge=2**20, description="Of such pictures on disk; events have their own spool.")
    look_every_s: PositiveFloat = Field(2.0, description="A camera's light is measured so often, for samples and drift.")
    drift_reference_s: PositiveFloat = Field(
        600.0, description="So long after a model became active, the usual light is learned."
    )
    drift_window_s: PositiveFloat = Field(300.0, description="Time constant of the light that is compared with the usual one.")
    metrics_host: str = Field("127.0.0.1", description="Where /metrics and /healthz are served.")
    metrics_port: int = Field(0, ge=0, le=65535, description="0 turns them off.")
