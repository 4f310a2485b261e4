"""Settings of the aggregator; the environment variable DAVY_AGGREGATOR_<NAME> sets each of them."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr

from davy.adapters.access.oidc_settings import OidcSettings
from davy.adapters.http.listen_settings import GrpcPort, HttpPort, ListenSettings
from davy.adapters.secret_settings import SecretSettings
from davy.analysis.settings import AnalysisSettings
from davy.domain.secret_url import PlainUrl, SecretUrl


class WebRtcSettings(SecretSettings, env_prefix="DAVY_WEBRTC_", frozen=True):
    """Settings of WebRTC viewers. Packets go straight to a viewer, by UDP."""

    addresses: tuple[str, ...] = Field((), description="Local IP addresses for packets; as HTTP listens if empty.")
    announced: tuple[str, ...] = Field(
        (), description="IP addresses that viewers are told instead, such as those before a translation of addresses."
    )
    ports: tuple[NonNegativeInt, NonNegativeInt] = Field(
        (0, 0), description="First and last UDP port, one per viewer; 0, 0: any free one."
    )
    servers: tuple[str, ...] = Field((), description="STUN and TURN servers: stun:HOST:PORT, turn:HOST:PORT. None by default.")
    turn_user: str = Field("", description="User name at the TURN servers.")
    turn_password: SecretStr = Field(SecretStr(""), description="Password at the TURN servers.")


class RtspSettings(SecretSettings, env_prefix="DAVY_RTSP_", frozen=True):
    """Settings of RTSP: publishing to a media server, and serving by itself."""

    push: SecretUrl = Field(
        SecretUrl(""),
        description="Publish every camera to a media server: rtsp://HOST:PORT/{edge}/{camera}, rtmp://HOST/{edge}/{camera} or "
        "srt://HOST:PORT?streamid={edge}/{camera}. Empty: none.",
    )
    variant: Literal["enhanced", "raw"] = Field("enhanced", description="Which picture is published.")
    serve: bool = Field(False, description="Serve RTSP; needs GStreamer's RTSP server for the system's Python.")
    host: str = Field("", description="Address of the RTSP server; the same as host if empty.")
    port: int = Field(8554, ge=0, le=65535, description="TCP port of the RTSP server; 0 takes a free one.")
    plain: bool = Field(
        False, description="Serve without TLS though this service has an identity, for a VMS that does not know rtsps://."
    )
    python: str = Field(
        "/usr/bin/python3",
        description="The Python that has GStreamer (package python3-gi), to serve RTSP and to publish by SRT.",
    )


class AggregatorSettings(ListenSettings, SecretSettings, env_prefix="DAVY_AGGREGATOR_", env_nested_delimiter="__", frozen=True):
    """Settings of one aggregator."""

    port: HttpPort = 8080
    grpc_host: str = Field("", description="Address of gRPC; the same as host if empty.")
    grpc_port: GrpcPort = 50051
    data: Path = Field(Path("data/aggregator"), description="Folder of the database, the models and the keys.")
    database: SecretUrl = Field(
        SecretUrl(""),
        description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; SQLite in DATA/davy.db if empty."
        " ?schema=SITE keeps the sites of one database apart.",
    )
    authority: Path | None = Field(
        None, description="Folder of davy identity init, if this aggregator enrols and renews the site's identities."
    )
    session_hours: PositiveFloat = Field(24.0, description="A browser's session ends after so many hours without a request.")
    company_page: PlainUrl = Field("", description="https://host:8083 of the company view, for browsers; empty: no link.")
    trainer_page: PlainUrl = Field("", description="https://host:8082 of the trainer, as browsers reach it; empty: no link.")
    enhancer_page: PlainUrl = Field("", description="https://host:8081 of the enhancer, as browsers reach it; empty: no link.")
    oidc: OidcSettings = Field(default_factory=OidcSettings)
    name: str = Field(
        "", description="Name of this replica for the others of the site, which no other one has; random if empty."
    )

    window: PositiveInt = Field(4, le=64, description="Maximum unacknowledged frames per camera of an edge.")
    max_frames_s: NonNegativeFloat = Field(
        0.0,
        description="Frames per second of all edges together, for a machine that several sites share. Credits of more frames"
        " wait, so that edges drop frames instead of sending them. 0: no limit.",
    )
    accept_unknown: bool = Field(False, description="Accept frames and events of edges that the site file does not name.")
    stale_after_s: PositiveFloat = Field(1.5, description="Report a camera as stale if its newest frame is older.")
    offline_after_s: PositiveFloat = Field(30.0, description="Report a camera as offline after this silence.")
    max_age_ms: PositiveInt = Field(
        1500,
        description="Maximum age of a frame in a live stream, in ms.",
    )
    max_streams: PositiveInt = Field(64, description="Maximum simultaneous live streams per interface.")
    max_streams_per_caller: PositiveInt = Field(32, description="Of these, maximum of one caller: nobody shuts others out.")

    store_fps: NonNegativeFloat = Field(
        0.1,
        description="Frames per second and camera that the cache keeps although no other aggregator wants them: a restarted one"
        " shows the last. 0: none.",
    )
    store_ttl_s: PositiveFloat = Field(60.0, description="Expiry of a frame in the cache.")
    archive_max_bytes: PositiveInt = Field(2_000_000_000, description="Maximum size of the event archive.")
    archive_max_age_days: NonNegativeFloat = Field(90.0, description="Delete older events; 0 keeps them until the size limit.")
    journal_max_bytes: PositiveInt = Field(
        100_000_000,
        description="Quota of the audit journal in bytes. Rows above it are stored, and an alarm asks for an export.",
    )

    journal_keys: Path | None = Field(
        None, description="Folder of the key that signs the audit journal, one for all replicas; DATA/keys/journal if absent."
    )

    recordings: SecretUrl = Field(
        SecretUrl(""), description="Recorded video: s3://BUCKET/FOLDER and the like; DATA/recordings if empty."
    )
    recordings_max_bytes: PositiveInt = Field(
        200_000_000_000, description="Maximum size of recorded video; the oldest that no clip holds is deleted first."
    )

    samples_max_bytes: PositiveInt = Field(1_000_000_000, description="Maximum disk space of training samples.")
    samples_max_count: PositiveInt = Field(10_000, description="Maximum number of training samples.")

    registry: SecretUrl = Field(SecretUrl(""), description="Model registry: file:///…, s3://…; DATA/registry if empty.")
    trust: Path | None = Field(None, description="Key set of `davy keys`; DATA/keys/trust.json if absent.")
    confirm: Literal["second-person", "nobody"] = Field(
        "second-person",
        description="Who confirms a rollout before it starts, if access is closed: another engineer or administrator than the"
        " one who started it, or nobody. An open service knows no persons, so nobody confirms there.",
    )

    home_assistant: bool = Field(
        False, description="Publish cameras, edges and alarms as devices of Home Assistant, below homeassistant/ on the broker."
    )

    analysis: AnalysisSettings = Field(default_factory=AnalysisSettings)
    webrtc: WebRtcSettings = Field(default_factory=WebRtcSettings)
    rtsp: RtspSettings = Field(default_factory=RtspSettings)

    @property
    def needs_second_person(self) -> bool:
        """Whether a rollout waits for a second person."""
        return self.access == "closed" and self.confirm == "second-person"

    @property
    def rtsp_scheme(self) -> Literal["rtsp", "rtsps"]:
        """Scheme of the addresses that the RTSP server serves."""
        return "rtsp" if self.rtsp.plain or self.tls.files() is None else "rtsps"

    def listens_on(self) -> tuple[str, ...]:
        """The addresses of HTTP and gRPC."""
        return (self.host, self.grpc_host or self.host)
