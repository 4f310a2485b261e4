"""A site's file: one YAML file names a mine's edges and cameras, its broker, aggregator and cache.

An environment variable overrides a value: `DAVY_BROKER=mqtt://10.1.0.5`, `DAVY_EDGES__NORTH__CAMERAS__FACE_1__FPS=5`
(`_` in a variable stands for `-` in an id, such as `face-1`). What may hold a password is also read from a file:
`DAVY_BROKER_FILE=/run/secrets/broker`, or systemd's credential davy-broker.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from davy.domain.alarm_rules import RuleChange
from davy.domain.alarm_targets import TARGETS, AlarmsConfig, Escalation
from davy.domain.camera import ID_PATTERN, CameraAddress
from davy.domain.dials import Dials, Preset, dials_of
from davy.domain.errors import ConfigError
from davy.domain.record_rule import RecordRule
from davy.domain.secret_files import CREDENTIALS, FILE_SUFFIX, read_secret
from davy.domain.secret_url import SecretUrl
from davy.domain.source import FORMS, InvalidSourceError, Source, SourcePolicy
from davy.domain.suggestion import did_you_mean
from davy.place_rules import MAX_RULES, MAX_ZONES, Line, PlaceRule, Zone, check_places
from davy.yaml_lines import YamlMapping, parse_mapping

log = logging.getLogger(__name__)
ENV_PREFIX = "DAVY_"
OLD_SCHEME, SIMULATOR_SCHEME = "mine", "simulator"
OLD_CACHE = "store"  # the name of `cache` before 0.2
TLS_PATTERN = r"^(verify|insecure|sha256:([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2})$"  # of cameras
SECRETS = ("broker", "aggregator", "cache")  # they may hold a password
NESTED_SECRETS = ("source", "url", "smtp", "address", "token", "secret")
FILE_NAME, OLD_FILE_NAME = "site.yaml", "mine.yaml"
CHECKOUT_FILE = Path("infra") / FILE_NAME
BUILT_IN_FILE = Path(str(files("davy").joinpath("default_site.yaml")))


def _checked_source(source: SecretUrl) -> SecretUrl:
    try:
        Source.of(source)
    except InvalidSourceError as error:
        raise ValueError(str(error)) from error
    return source


def _checked_zone(name: str) -> str:
    known = available_timezones()  # none on a machine without the database, which shows no times either
    if known and name not in known:
        raise ValueError(f"{name!r} is no time zone of the IANA database, such as Europe/Warsaw{did_you_mean(name, known)}")
    return name


def _endpoint(*schemes: str) -> AfterValidator:
    def check(value: SecretUrl) -> SecretUrl:
        if value.scheme not in schemes:
            raise ValueError(f"an endpoint here starts with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    return AfterValidator(check)


Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
MqttEndpoint = Annotated[SecretUrl, _endpoint("mqtt", "mqtts")]
GrpcEndpoint = Annotated[SecretUrl, _endpoint("grpc", "grpcs")]
CacheEndpoint = Annotated[SecretUrl, _endpoint("redis", "rediss", "unix", "nats", "tls", "memory")]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class VideoConfig(_Config):
    """Video of a camera in H.264, encoded once on its edge while somebody looks or records."""

    encoder: Literal["libx264", "h264_nvenc", "h264_qsv", "h264_v4l2m2m"] = Field(
        "libx264", description="FFmpeg's encoder; those but libx264 need their hardware: NVIDIA, Intel, a V4L2 device."
    )
    kbps: int = Field(2500, ge=50, le=100_000, description="Maximum bit rate in 1000 bit/s.")
    quality: int = Field(26, ge=0, le=51, description="Rate factor of libx264: lower is better; calm pictures stay below kbps.")
    preset: Literal["ultrafast", "superfast", "veryfast", "faster"] = Field(
        "ultrafast", description="How hard libx264 tries: superfast takes twice the time for a tenth fewer bits."
    )
    gop_s: float = Field(2.0, ge=0.2, le=30, description="Seconds between key frames, where a viewer can begin.")
    profile: Literal["baseline", "main", "high"] = Field("main", description="Profile of H.264.")


class MqttConfig(_Config):
    """JPEG pictures of a camera on MQTT."""

    fps: float | None = Field(None, ge=0, le=120, description="Maximum pictures per second; 0: none. Default: every one.")
    width: int | None = Field(None, ge=16, le=7680, description="Width in pixels, at most the camera's.")


class CameraConfig(_Config):
    """One camera of an edge."""

    source: Annotated[SecretUrl, AfterValidator(_checked_source)] = Field(description=", ".join(FORMS.values()))
    label: str = Field("", max_length=200, description="Name shown in the console.")
    fps: PositiveFloat = Field(10.0, le=120, description="Maximum frames per second taken from the source.")
    width: PositiveInt | None = Field(None, le=7680, description="Width in pixels; the source's own if absent.")
    height: PositiveInt | None = Field(None, le=4320, description="Height in pixels; the source's own if absent.")
    strength: float = Field(1.0, ge=0, le=1, description="0 is the identity, 1 the whole effect.")
    preset: Preset | None = Field(None, description="Dials for a kind of place; a dial below replaces the preset's.")
    brightness: float | None = Field(None, ge=-1, le=1, description="-1 darker, 0 neutral, 1 brighter; black and white stay.")
    local_contrast: float | None = Field(None, ge=-1, le=1, description="-1 flatter, 0 neutral, 1 more: against dust.")
    noise: float | None = Field(None, ge=-1, le=1, description="-1 keeps all grain, 0 neutral, 1 smooths most.")
    colour: float | None = Field(None, ge=0, le=2, description="0 monochrome, 1 neutral, 2 twice the saturation.")
    quality: int = Field(85, ge=30, le=100, description="Maximum JPEG quality; lowered if a frame exceeds 900,000 bytes.")
    send_raw: bool = Field(True, description="Send the raw picture, too, while somebody looks at it.")
    mqtt: MqttConfig = Field(MqttConfig(), description="Rate and size of the JPEG pictures on MQTT.")
    video: VideoConfig | None = Field(VideoConfig(), description="Video in H.264; null: none.")
    max_age_ms: PositiveInt = Field(500, description="Drop and count frames older than this.")
    timeout_s: PositiveFloat = Field(5.0, le=86_400, description="Reopen the camera after this many seconds without a frame.")
    tls: str = Field(
        "verify",
        pattern=TLS_PATTERN,
        description="Certificate of an rtsps:// or https:// camera. verify: by the site's authority or the system's. "
        "sha256:FINGERPRINT: this certificate alone. insecure: any.",
    )

    decoder: Literal["software", "cuda", "qsv", "vaapi", "drm"] = Field(
        "software", description="What decodes the camera's video; a device that is absent or cannot leaves it to software."
    )
    zones: tuple[Zone, ...] = Field((), max_length=MAX_ZONES, description="Areas of the picture that rules name.")
    lines: tuple[Line, ...] = Field((), max_length=MAX_ZONES, description="Lines in the picture that rules name.")
    rules: tuple[PlaceRule, ...] = Field((), max_length=MAX_RULES, description="Conditions that raise an alarm.")
    record: RecordRule = Field(RecordRule(), description="What is recorded, and where.")

    @model_validator(mode="after")
    def _places_fit(self) -> Self:
        check_places(self.zones, self.lines, self.rules)
        return self

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels, or None for the source's own."""
        return (self.width, self.height) if self.width and self.height else None

    @property
    def dials(self) -> Dials:
        """The operator's corrections, of preset and dials."""
        return dials_of(self.preset, self.brightness, self.local_contrast, self.noise, self.colour)


class EdgeConfig(_Config):
    """One edge: a computer near its cameras."""

    enhance: Literal["here", "pool"] = Field(
        "here", description="here: the edge enhances. pool: the edge forwards raw frames and the enhancer pool enhances them."
    )
    cameras: dict[Id, CameraConfig] = Field(min_length=1, description="Cameras by their id.")


class SiteEdge(EdgeConfig):
    """One edge in the site's file, with settings that cannot be changed remotely."""

    district: str = Field("", max_length=64, description="Part of the mine; the console groups cameras by it.")
    sources: SourcePolicy = Field(SourcePolicy(), description="Sources that may be configured remotely on this edge.")

    def allowed_sources(self) -> SourcePolicy:
        """The policy, with the sources of this file."""
        return self.sources.trusting(Source.of(camera.source) for camera in self.cameras.values())


class SiteConfig(_Config):
    """One site: a mine with its edges and cameras."""

    site: Id = Field(description="Name of the site in every topic.")
    broker: MqttEndpoint = Field(SecretUrl("mqtt://127.0.0.1:1883"), description="The MQTT broker: mqtt:// or mqtts://.")
    aggregator: GrpcEndpoint = Field(SecretUrl("grpc://127.0.0.1:50051"), description="The aggregator: grpc:// or grpcs://.")
    aggregators: tuple[GrpcEndpoint, ...] = Field(
        (), max_length=16, description="Several aggregators of one database, in place of aggregator: edges change over."
    )
    cache: CacheEndpoint = Field(
        SecretUrl("memory://"),
        description="Redis, Valkey or NATS between the aggregators of the site, for live pictures; memory://: there is one.",
    )
    enhancers: tuple[Id, ...] = Field(
        ("pool",), max_length=64, description="Ids of the pool's enhancers; a rollout reaches each of them like an edge."
    )
    time_zone: Annotated[str, AfterValidator(_checked_zone)] = Field(
        "UTC",
        description="Time zone of the site in the IANA database, such as Europe/Warsaw, of schedules, pages, notices.",
    )
    language: Literal["en", "es", "pl", "ru", "zh"] = Field("en", description="Language of e-mails about alarms.")
    edges: dict[Id, SiteEdge] = Field(min_length=1, description="Edges by their id.")
    alarms: AlarmsConfig = Field(AlarmsConfig(), description="Rules of alarms, and who is told if nobody answers.")

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        if self.pooled and (both := self.edges.keys() & set(self.enhancers)):
            raise ValueError(f"enhancers: {min(both)!r} is the id of an edge; give the enhancer another one")
        return self

    @property
    def ingest(self) -> tuple[SecretUrl, ...]:
        """The aggregators that edges send to: each edge to one of them, to the next one when that does not answer."""
        return self.aggregators or (self.aggregator,)

    @property
    def zone(self) -> tzinfo:
        """The site's time zone; UTC on a machine without the database of zones."""
        try:
            return ZoneInfo(self.time_zone)
        except ZoneInfoNotFoundError:
            return UTC

    @property
    def pool(self) -> list[str]:
        """The enhancers of the pool."""
        return [name for name in self.enhancers if name not in self.edges]

    @property
    def pooled(self) -> list[str]:
        """The edges whose cameras the enhancer pool enhances."""
        return [edge for edge, config in self.edges.items() if config.enhance == "pool"]

    def camera_ids(self) -> list[CameraAddress]:
        """Every camera of the site."""
        return [CameraAddress(self.site, edge, camera) for edge, config in self.edges.items() for camera in config.cameras]

    def camera(self, camera_id: CameraAddress) -> CameraConfig:
        """The configuration of one camera.

        Raises:
            KeyError: the site has no such camera.
        """
        return self.edges[camera_id.edge].cameras[camera_id.camera]


def find_site_file(given: Path | None = None) -> Path:
    """Choose the site's file.

    Returns:
        The given path, else ./site.yaml, ./mine.yaml (deprecated), infra/site.yaml of a checkout, else the built-in file.
    """
    if given is not None:
        return given
    if Path(FILE_NAME).is_file():
        return Path(FILE_NAME)
    if Path(OLD_FILE_NAME).is_file():
        log.warning("%s is a deprecated name: rename it to %s", OLD_FILE_NAME, FILE_NAME)
        return Path(OLD_FILE_NAME)
    return CHECKOUT_FILE if CHECKOUT_FILE.is_file() else BUILT_IN_FILE


def describe_site_file(path: Path) -> str:
    """Name a site's file for people."""
    return "built-in site (davy init writes a file to change)" if path == BUILT_IN_FILE else str(path)


def load_site(path: Path, environ: Mapping[str, str] | None = None) -> SiteConfig:
    """Read a site's file, apply the overrides of the environment and validate the result.

    Raises:
        ConfigError: the file is missing or invalid; each line of the text is one error, `file:line: setting: remedy`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    file = parse_mapping(text, str(path), "site and edges")
    if OLD_CACHE in file.values:
        line = file.line_of([OLD_CACHE])
        log.warning("%s:%d: %s is a deprecated name: write cache", file.name, line, OLD_CACHE)
        file.values.setdefault("cache", file.values.pop(OLD_CACHE))
    overrides = _apply_environment(file.values, _with_files(environ if environ is not None else os.environ))
    try:
        site = SiteConfig.model_validate(file.values)
    except ValidationError as error:
        lines = [_describe(file, detail["loc"], detail["msg"], detail["type"], overrides) for detail in error.errors()]
        raise ConfigError("\n".join(dict.fromkeys(lines))) from error
    _warn(site, file, overrides)
    return site


@dataclass(slots=True)
class _Overrides:
    """Overrides by environment variables.

    Args:
        variables: The variable of each value, by its path in the file.
        unknown: Error about each edge or camera id that the file does not have, by its path.
    """

    variables: dict[tuple[str, ...], str] = field(default_factory=dict)
    unknown: dict[tuple[str, ...], str] = field(default_factory=dict)


def _with_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with every secret that stands in a file; raises ConfigError if a file cannot be read."""
    named = [name.removesuffix(FILE_SUFFIX) for name in environ if name.startswith(ENV_PREFIX) and name.endswith(FILE_SUFFIX)]
    credentials = [f"{ENV_PREFIX}{name.upper()}" for name in SECRETS] if environ.get(CREDENTIALS) else []
    variables = [name for name in (*named, *credentials) if _is_secret(name)]
    found = {name: read_secret(name, environ) for name in dict.fromkeys(variables)}
    files = {name + FILE_SUFFIX for name in found}
    given = {name: value for name, value in environ.items() if name not in files}
    return given | {name: value for name, value in found.items() if value}


def _is_secret(variable: str) -> bool:
    *above, name = variable.removeprefix(ENV_PREFIX).lower().split("__")
    return name in (NESTED_SECRETS if above else SECRETS)


def _apply_environment(values: dict[str, Any], environ: Mapping[str, str]) -> _Overrides:
    """Write `DAVY_A__B__C=x` to values["a"]["b"]["c"]."""
    overrides = _Overrides()
    for name in sorted(environ):
        keys = name.removeprefix(ENV_PREFIX).lower().split("__")
        if keys[0] == OLD_CACHE and name.startswith(ENV_PREFIX):
            log.warning("environment %s is a deprecated name: write DAVY_CACHE", name)
            keys[0] = "cache"
        if not name.startswith(ENV_PREFIX) or keys[0] not in SiteConfig.model_fields:
            continue
        node = values
        path: list[str] = []
        for depth, key in enumerate(keys):
            ids = {str(known).replace("-", "_"): str(known) for known in node}
            path.append(ids.get(key, key))
            if key not in ids and path[0] == "edges" and depth in (1, 3):
                kind = "edge" if depth == 1 else "camera"
                overrides.unknown[tuple(path)] = f"environment {name}: no {kind} {key!r} in the file{_suggest(key, ids)}"
            if depth == len(keys) - 1:
                node[path[-1]] = environ[name] if _is_secret(name) else yaml.safe_load(environ[name])
            else:
                if not isinstance(node.get(path[-1]), dict):
                    node[path[-1]] = {}
                node = node[path[-1]]
        overrides.variables[tuple(path)] = name
    return overrides


def _suggest(key: str, ids: Mapping[str, str]) -> str:
    close = get_close_matches(key, ids, n=1)
    return f"; did you mean {ids[close[0]]!r}?" if close else f"; known: {', '.join(ids.values()) or 'none'}"


def _describe(file: YamlMapping, loc: Sequence[str | int], message: str, kind: str, overrides: _Overrides) -> str:
    path = [str(key) for key in loc if key != "[key]"]
    for unknown_path, unknown in overrides.unknown.items():
        if tuple(path[: len(unknown_path)]) == unknown_path:
            return unknown
    advice = message
    if kind == "extra_forbidden":
        known = _known_fields(path[:-1])
        advice = "no such setting" + (did_you_mean(path[-1], known) or f"; known: {', '.join(known)}")
    elif kind == "string_pattern_mismatch" and "targets" not in path[:-1]:
        advice = "an id is 1 to 64 of a-z, 0-9 and '-'"
    variable = overrides.variables.get(tuple(path))
    at = f"environment {variable}" if variable else f"{file.name}:{file.line_of(path)}"
    return f"{at}: {'.'.join(path) or 'file'}: {advice}"


def _known_fields(path: Sequence[str]) -> list[str]:
    match len(path):
        case 0:
            return list(SiteConfig.model_fields)
        case _ if path[0] == "alarms":
            return _known_alarm_fields(path[1:])
        case 2:
            return list(SiteEdge.model_fields)
        case _ if path[-1] == "record":
            return list(RecordRule.model_fields)
        case _:
            return list(CameraConfig.model_fields)


def _known_alarm_fields(path: Sequence[str]) -> list[str]:
    match path:
        case ["rules", _]:
            return list(RuleChange.model_fields)
        case ["escalation", _]:
            return list(Escalation.model_fields)
        case ["targets", _, kind]:
            return list(TARGETS[kind].model_fields)
        case _:
            return list(AlarmsConfig.model_fields)


def _warn(site: SiteConfig, file: YamlMapping, overrides: _Overrides) -> None:
    """Warn about ids that only the environment has, and about deprecated names."""
    for text in overrides.unknown.values():
        if "did you mean" in text:
            log.warning("%s", text)
    old = [camera for camera in site.camera_ids() if site.camera(camera).source.scheme == OLD_SCHEME]
    if old:
        line = file.line_of(["edges", old[0].edge, "cameras", old[0].camera, "source"])
        log.warning("%s:%d: %s:// is a deprecated scheme: write %s://", file.name, line, OLD_SCHEME, SIMULATOR_SCHEME)
