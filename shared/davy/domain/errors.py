"""Every error that Davy raises on purpose: one tree, the message composed inside, the facts as attributes.

Adapters translate foreign errors into these; only the HTTP and gRPC edges know status codes.
"""

from collections.abc import Mapping, Sequence

from davy.domain.extras import install_command
from davy.domain.suggestion import did_you_mean


class DavyError(Exception):
    """Base of all. Its text is written for the person who can do something about it."""


# --- what the caller gave ---------------------------------------------------------------------------------------------


class InvalidInputError(DavyError):
    """The caller's input cannot be used as it is."""


class InvalidIdError(InvalidInputError):
    def __init__(self, kind: str, value: str) -> None:
        super().__init__(f"{kind} id {value!r} is not legal: use 1 to 64 of a-z, 0-9 and '-'")
        self.kind, self.value = kind, value


class ShapeError(InvalidInputError):
    def __init__(self, name: str, actual: Sequence[int], expected: str) -> None:
        super().__init__(f"{name} has shape {tuple(actual)}, expected {expected}")
        self.name, self.actual, self.expected = name, tuple(actual), expected


class ConfigError(InvalidInputError):
    """A configuration file or variable is wrong; the text names file, line and what to write instead."""


class UnreadableImageError(InvalidInputError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the image cannot be read: {reason}")
        self.reason = reason


class UnreadableVideoError(InvalidInputError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the video {path} cannot be read: {reason}")
        self.path, self.reason = path, reason


class UnsupportedImageError(InvalidInputError):
    def __init__(self, found: str, supported: str) -> None:
        super().__init__(f"{found} is not supported: send {supported}")
        self.found, self.supported = found, supported


class ImageTooLargeError(InvalidInputError):
    def __init__(self, found: str, limit: str) -> None:
        super().__init__(f"the image is too large: {found}, at most {limit}")
        self.found, self.limit = found, limit


class BodyTooLargeError(InvalidInputError):
    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the request is too large: at most {limit_bytes:,} bytes are taken")
        self.limit_bytes = limit_bytes


class NotAcceptableError(InvalidInputError):
    def __init__(self, wanted: str, offered: Sequence[str]) -> None:
        super().__init__(f"none of {wanted!r} can be given: accept one of {', '.join(offered)}")
        self.wanted, self.offered = wanted, tuple(offered)


class UnknownCameraError(InvalidInputError):
    def __init__(self, camera: str, known: Sequence[str]) -> None:
        listed = ", ".join(known[:8]) or "none"
        super().__init__(f"no camera {camera!r}{did_you_mean(camera, known)}; known cameras: {listed}")
        self.camera, self.known = camera, tuple(known)


class FrameTooLargeError(InvalidInputError):
    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"a JPEG of {size_bytes:,} bytes is over the limit of {limit_bytes:,}, even at the lowest quality")
        self.size_bytes, self.limit_bytes = size_bytes, limit_bytes


# --- what is out of reach ---------------------------------------------------------------------------------------------


class UnavailableError(DavyError):
    """Something outside this process is not there now; trying again later may help."""


class BrokerUnavailableError(UnavailableError):
    def __init__(self, endpoint: str, reason: str = "") -> None:
        super().__init__(f"no MQTT broker at {endpoint}" + (f": {reason}" if reason else ""))
        self.endpoint, self.reason = endpoint, reason


class SessionTakenOverError(BrokerUnavailableError):
    def __init__(self, endpoint: str, client_id: str) -> None:
        super().__init__(endpoint, f"another client connected as {client_id!r}: give each edge and service its own id")
        self.client_id = client_id


class StoreUnavailableError(UnavailableError):
    def __init__(self, endpoint: str, reason: str = "") -> None:
        super().__init__(f"no Redis-protocol server at {endpoint}" + (f": {reason}" if reason else ""))
        self.endpoint, self.reason = endpoint, reason


class ArchiveUnavailableError(UnavailableError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the event archive {path} cannot be used: {reason}")
        self.path, self.reason = path, reason


class AggregatorUnavailableError(UnavailableError):
    def __init__(self, endpoint: str, reason: str = "") -> None:
        super().__init__(f"no aggregator at {endpoint}" + (f": {reason}" if reason else ""))
        self.endpoint, self.reason = endpoint, reason


class AddressUnavailableError(UnavailableError):
    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}; choose another port, or 0 for any free one")
        self.address, self.reason = address, reason


class OverloadedError(UnavailableError):
    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"{what} is full ({limit} waiting): try again in a moment, or slow down")
        self.what, self.limit = what, limit


class NoFrameError(UnavailableError):
    def __init__(self, camera: str, variant: str, reason: str = "") -> None:
        super().__init__(f"camera {camera} has no {variant} frame yet" + (f": {reason}" if reason else ""))
        self.camera, self.variant, self.reason = camera, variant, reason


class SpoolUnavailableError(UnavailableError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the spool {path} takes nothing: {reason}")
        self.path, self.reason = path, reason


class StorageFullError(UnavailableError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"nothing can be stored in {path}: {reason}")
        self.path, self.reason = path, reason


class DeadlineExceededError(UnavailableError):
    def __init__(self, what: str, deadline_s: float) -> None:
        super().__init__(f"{what} did not finish within {deadline_s:g} s")
        self.what, self.deadline_s = what, deadline_s


# --- cameras ----------------------------------------------------------------------------------------------------------


class CameraError(DavyError):
    """A camera gives no frame."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"camera {source}: {reason}")
        self.source, self.reason = source, reason


class CameraUnavailableError(CameraError):
    """It could not be opened, or the connection broke."""


class CameraStalledError(CameraError):
    """It is open and silent for longer than its timeout."""


class CameraEndedError(CameraError):
    """A file or folder that is not looped has no more frames."""


# --- models -----------------------------------------------------------------------------------------------------------


class ModelError(DavyError):
    """A model file cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"model {path}: {reason}")
        self.path, self.reason = path, reason


class ModelRefusedError(ModelError):
    """A model package that must not run. cause names the rule that it breaks: "digest", "gate:black"; figures may show it."""

    def __init__(self, cause: str, reason: str, figures: Mapping[str, float] | None = None) -> None:
        super().__init__("package", f"refused ({cause}): {reason}")
        self.cause, self.reason, self.figures = cause, reason, dict(figures or {})


class UnknownModelError(InvalidInputError):
    def __init__(self, model: str, reason: str = "the registry has no model of this id or tag") -> None:
        super().__init__(f"model {model!r}: {reason}")
        self.model, self.reason = model, reason


class UnknownSampleError(InvalidInputError):
    def __init__(self, sample: int) -> None:
        super().__init__(f"there is no sample {sample}, or its space was needed for newer ones")
        self.sample = sample


class UnknownEdgeError(InvalidInputError):
    def __init__(self, edge: str, known: Sequence[str]) -> None:
        hint = did_you_mean(edge, known) or f"; known edges: {', '.join(known[:8]) or 'none'}"
        super().__init__(f"no edge {edge!r}{hint}")
        self.edge, self.known = edge, tuple(known)


class UnknownConfigError(InvalidInputError):
    def __init__(self, edge: str, config: str) -> None:
        super().__init__(f"edge {edge} never had a configuration {config!r}: see its history")
        self.edge, self.config = edge, config


class UnknownRolloutError(InvalidInputError):
    def __init__(self, rollout: str) -> None:
        super().__init__(f"there is no rollout {rollout!r}")
        self.rollout = rollout


class UnknownRunError(InvalidInputError):
    def __init__(self, run: str) -> None:
        super().__init__(f"there is no training run {run!r}")
        self.run = run


class ConflictError(InvalidInputError):
    """What was asked for does not go with what is under way; the text says what to do first."""


class ChangedMeanwhileError(ConflictError):
    def __init__(self, what: str, expected: str, actual: str) -> None:
        super().__init__(f"{what} is {actual[:12]} now, not {expected[:12]}: somebody changed it meanwhile; look at it again")
        self.what, self.expected, self.actual = what, expected, actual


class RegistryUnavailableError(UnavailableError):
    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"the model registry {url} cannot be used: {reason}")
        self.url, self.reason = url, reason


# --- the installation -------------------------------------------------------------------------------------------------


class KernelsMissingError(DavyError):
    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is missing: install davy with pip, which compiles it (`pip install -e .` in a checkout)")
        self.path = path


class MissingExtraError(DavyError):
    """A package of an optional part is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs the package {package!r}: {install_command(extra)}")
        self.what, self.package, self.extra = what, package, extra


class TrainingError(DavyError):
    """A training run cannot go on; what it has learned so far lies in its last checkpoint."""


class MineFailedError(DavyError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"davy mine could not be measured: {reason}")
        self.reason = reason
