"""The aggregator's settings; each can be set as DAVY_AGGREGATOR_<NAME>."""

from pathlib import Path

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings


class AnalysisSettings(BaseSettings, env_prefix="DAVY_ANALYSIS_", frozen=True):
    """What is looked for in enhanced frames, and how often."""

    enabled: bool = True
    fps: PositiveFloat = Field(1.0, description="Frames a second that are looked at, per camera, at most.")
    person_fps: NonNegativeFloat = Field(0.5, description="Of these, how many go to the people detector; 0 turns it off.")
    width: PositiveInt = Field(
        640, description="Pictures are decoded at the smallest scale that is at least this wide, pixels."
    )
    cooldown_s: NonNegativeFloat = Field(60.0, description="The same finding of one camera is not reported again within this.")
    detector: Path | None = Field(None, description="An ONNX detector of YOLO's form (see davy_aggregator.analysis.detector).")
    detector_labels: Path | None = Field(None, description="A text file with one label per line, in the detector's order.")
    detector_score: float = Field(0.4, ge=0, le=1, description="Detections below this score are left out.")


class AggregatorSettings(BaseSettings, env_prefix="DAVY_AGGREGATOR_", env_nested_delimiter="__", frozen=True):
    """One aggregator."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535, description="HTTP; 0 takes a free one.")
    grpc_host: str = Field("", description="Empty: the same as host.")
    grpc_port: int = Field(50051, ge=0, le=65535, description="gRPC; 0 takes a free one.")
    data: Path = Field(Path("data/aggregator"), description="Folder of the database, the models and the keys.")
    database: str = Field(
        "",
        repr=False,  # its URL may hold a password
        description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; SQLite in DATA/davy.db where empty.",
    )
    name: str = Field("", description="This replica's name in the store; a random one where empty.")

    window: PositiveInt = Field(4, le=64, description="Frames that an edge may have unanswered per camera.")
    accept_unknown: bool = Field(False, description="Take frames and events of edges that the site's file does not name.")
    stale_after_s: PositiveFloat = Field(1.5, description="A camera whose newest frame is older counts as stale.")
    offline_after_s: PositiveFloat = Field(30.0, description="A camera that was silent for longer counts as offline.")
    max_age_ms: PositiveInt = Field(
        1500,
        description="Live streams deliver no frame that is older: what is stale. Edges send none older than their own bound.",
    )
    max_streams: PositiveInt = Field(64, description="Live streams at a time, per interface.")
    edge_offline_after_s: NonNegativeFloat = Field(3.0, description="An edge that is offline for longer raises an alarm.")

    store_fps: PositiveFloat = Field(10.0, description="Frames a second and camera that are written to the store, at most.")
    store_ttl_s: PositiveFloat = Field(60.0, description="A frame in the store expires after this.")
    archive_max_bytes: PositiveInt = Field(2_000_000_000, description="Of the event archive on disk.")
    archive_max_age_days: NonNegativeFloat = Field(90.0, description="Older events go; 0 keeps them until bytes are short.")

    samples_max_bytes: PositiveInt = Field(1_000_000_000, description="Of raw keyframes for training, on disk.")
    samples_max_count: PositiveInt = Field(10_000, description="Of raw keyframes for training.")

    registry: str = Field("", description="Where the models are: file:///…, s3://…; DATA/registry where empty.")
    trust: Path | None = Field(None, description="The key set of `davy keys`; DATA/keys/trust.json where absent.")

    analysis: AnalysisSettings = Field(default_factory=AnalysisSettings)
