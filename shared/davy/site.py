"""One YAML file says what a mine has: site, edges, cameras, and where broker, aggregator and store are.

Every value can be overridden by environment: `DAVY_BROKER=mqtt://10.1.0.5`, `DAVY_EDGES__NORTH__CAMERAS__FACE_1__FPS=5`
(a `_` in a variable's part stands for the `-` of the id `face-1`).
"""

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from davy.domain.camera import ID_PATTERN, CameraAddress
from davy.domain.errors import ConfigError

ENV_PREFIX = "DAVY_"
SOURCE_SCHEMES = ("mine://", "rtsp://", "rtsps://", "http://", "https://", "file://", "usb://")


def _known_scheme(source: str) -> str:
    if not source.startswith(SOURCE_SCHEMES):
        raise ValueError(f"a source starts with one of {', '.join(SOURCE_SCHEMES)}")
    return source


def _endpoint(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"an endpoint here starts with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    return AfterValidator(check)


Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
MqttEndpoint = Annotated[str, _endpoint("mqtt", "mqtts")]
GrpcEndpoint = Annotated[str, _endpoint("grpc", "grpcs")]
RedisEndpoint = Annotated[str, _endpoint("redis", "rediss", "unix")]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraConfig(_Config):
    """One camera of an edge."""

    source: Annotated[str, AfterValidator(_known_scheme)] = Field(
        description="mine://PLACE, rtsp://…, http://… (MJPEG), file:///video.mp4, file:///folder/ (looped), usb://0"
    )
    label: str = Field("", description="What a person calls this camera; shown in the console.")
    fps: PositiveFloat = Field(10.0, le=120, description="Frames a second that are taken from the source, at most.")
    width: PositiveInt | None = Field(None, le=7680, description="Pixels; the source's own where absent.")
    height: PositiveInt | None = Field(None, le=4320, description="Pixels; the source's own where absent.")
    strength: float = Field(1.0, ge=0, le=1, description="0 leaves the picture as it is.")
    quality: int = Field(85, ge=30, le=100, description="JPEG quality at most; lowered by itself to keep 900,000 bytes.")
    send_raw: bool = Field(True, description="Send the raw picture beside the enhanced one to the aggregator.")
    max_age_ms: PositiveInt = Field(500, description="A frame older than this is dropped and counted, never delivered.")
    timeout_s: PositiveFloat = Field(5.0, description="Silence after which the camera counts as stalled and is opened again.")

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels, or None for the source's own."""
        return (self.width, self.height) if self.width and self.height else None


class EdgeConfig(_Config):
    """One edge: a box beside its cameras."""

    enhance: Literal["here", "pool"] = Field(
        "here", description="here: this edge enhances. pool: it forwards raw frames and the enhancer pool enhances."
    )
    cameras: dict[Id, CameraConfig] = Field(min_length=1)


class SiteConfig(_Config):
    """One mine."""

    site: Id = Field(description="The mine's name in every topic.")
    broker: MqttEndpoint = "mqtt://127.0.0.1:1883"
    aggregator: GrpcEndpoint = "grpc://127.0.0.1:50051"
    store: RedisEndpoint = "redis://127.0.0.1:6379/0"
    edges: dict[Id, EdgeConfig] = Field(min_length=1)

    def camera_ids(self) -> list[CameraAddress]:
        return [CameraAddress(self.site, edge, camera) for edge, config in self.edges.items() for camera in config.cameras]

    def camera(self, camera_id: CameraAddress) -> CameraConfig:
        return self.edges[camera_id.edge].cameras[camera_id.camera]


def load_site(path: Path, environ: Mapping[str, str] | None = None) -> SiteConfig:
    """Read and check a mine's file, then lay the environment over it.

    Raises:
        ConfigError: the file is missing or wrong; each line of the text is one fault, as `file:line: where: what to do`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        begun = f" ({error.context} that begins in line {error.context_mark.line + 1})" if error.context_mark else ""
        raise ConfigError(f"{path}:{line}: not YAML: {error.problem}{begun}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}:1: a mapping with site and edges is expected")
    overridden = _lay_over(values, environ if environ is not None else os.environ)
    try:
        return SiteConfig.model_validate(values)
    except ValidationError as error:
        faults = [_describe(path, root, fault["loc"], fault["msg"], fault["type"], overridden) for fault in error.errors()]
        raise ConfigError("\n".join(faults)) from error


def _lay_over(values: dict[str, Any], environ: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Write `DAVY_A__B__C=x` to values["a"]["b"]["c"]; returns which place came from which variable."""
    places = {}
    for name in sorted(environ):
        parts = name.removeprefix(ENV_PREFIX).lower().split("__")
        if not name.startswith(ENV_PREFIX) or parts[0] not in SiteConfig.model_fields:
            continue
        node = values
        place = []
        for depth, part in enumerate(parts):
            key = next((known for known in node if str(known).replace("-", "_") == part), part)
            place.append(key)
            if depth == len(parts) - 1:
                node[key] = yaml.safe_load(environ[name])
            else:
                if not isinstance(node.get(key), dict):
                    node[key] = {}
                node = node[key]
        places[tuple(place)] = name
    return places


def _describe(
    path: Path,
    root: yaml.Node | None,
    loc: Sequence[str | int],
    message: str,
    kind: str,
    overridden: Mapping[tuple[str, ...], str],
) -> str:
    where = [str(part) for part in loc if part != "[key]"]
    advice = message
    if kind == "extra_forbidden":
        known = _known_fields(where[:-1])
        close = get_close_matches(where[-1], known, n=1)
        advice = "no such setting" + (f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}")
    elif kind == "string_pattern_mismatch":
        advice = "an id is 1 to 64 of a-z, 0-9 and '-'"
    variable = overridden.get(tuple(where))
    at = f"environment {variable}" if variable else f"{path}:{_line_of(root, where)}"
    return f"{at}: {'.'.join(where) or 'file'}: {advice}"


def _known_fields(where: Sequence[str]) -> list[str]:
    match len(where):
        case 0:
            return list(SiteConfig.model_fields)
        case 2:
            return list(EdgeConfig.model_fields)
        case _:
            return list(CameraConfig.model_fields)


def _line_of(node: yaml.Node | None, where: Sequence[str]) -> int:
    """The line of the deepest node on the way that the file has."""
    line = 1
    for part in where:
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((key, value) for key, value in node.value if str(key.value) == part), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
