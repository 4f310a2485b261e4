"""Davy's error tree. A class composes its message and keeps the facts as attributes.

Adapters translate foreign errors into these classes. `davy.adapters.status` maps them to HTTP and gRPC status codes.
"""

from collections.abc import Mapping, Sequence

from davy.domain.extras import install_command
from davy.domain.suggestion import did_you_mean


class DavyError(Exception):
    """Base class. The text addresses the person who can fix the problem."""


# --- invalid requests -------------------------------------------------------------------------------------------------


class InvalidInputError(DavyError):
    """The caller's input cannot be used."""


class NotFoundError(InvalidInputError):
    """The thing that the caller named does not exist."""


class UnsupportedError(InvalidInputError):
    """The input or the wanted output has a form that Davy does not handle."""


class TooLargeError(InvalidInputError):
    """The input exceeds a size limit."""


class UnreadableError(InvalidInputError):
    """The input is damaged, or not of the type that it claims."""


class ConflictError(InvalidInputError):
    """The request contradicts the current state; the text names the first thing to do."""


class InvalidIdError(InvalidInputError):
    def __init__(self, kind: str, value: str) -> None:
        super().__init__(f"{kind} id {value!r} is not legal: use 1 to 64 of a-z, 0-9 and '-'")
        self.kind, self.value = kind, value


class ShapeError(InvalidInputError):
    def __init__(self, name: str, actual: Sequence[int], expected: str) -> None:
        super().__init__(f"{name} has shape {tuple(actual)}, expected {expected}")
        self.name, self.actual, self.expected = name, tuple(actual), expected


class ConfigError(InvalidInputError):
    """A configuration file or variable is wrong; the text names the file, the line and a correct value."""


class InvalidIdentityError(InvalidInputError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name!r} is no identity: {reason}")
        self.name, self.reason = name, reason


class UnreadableImageError(UnreadableError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the image cannot be read: {reason}")
        self.reason = reason


class UnreadableVideoError(UnreadableError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the video {path} cannot be read: {reason}")
        self.path, self.reason = path, reason


class UnsupportedImageError(UnsupportedError):
    def __init__(self, found: str, supported: str) -> None:
        super().__init__(f"{found} is not supported: send {supported}")
        self.found, self.supported = found, supported


class ImageTooLargeError(TooLargeError):
    def __init__(self, found: str, limit: str) -> None:
        super().__init__(f"the image is too large: {found}, at most {limit}")
        self.found, self.limit = found, limit


class BodyTooLargeError(TooLargeError):
    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the request is too large: the limit is {limit_bytes:,} bytes")
        self.limit_bytes = limit_bytes


class ProcessEndedError(TooLargeError):
    """A process of its own, which worked on foreign data, exceeded a limit or crashed. The service goes on."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what, self.reason = what, reason


class NotAcceptableError(UnsupportedError):
    def __init__(self, wanted: str, offered: Sequence[str]) -> None:
        super().__init__(f"no representation for {wanted!r}: accept one of {', '.join(offered)}")
        self.wanted, self.offered = wanted, tuple(offered)


class UnknownCameraError(NotFoundError):
    def __init__(self, camera: str, known: Sequence[str]) -> None:
        listed, hint = f"known cameras: {', '.join(known[:8]) or 'none'}", did_you_mean(camera, known)
        super().__init__(f"no camera {camera!r}{hint} ({listed})" if hint else f"no camera {camera!r}; {listed}")
        self.camera, self.known = camera, tuple(known)


class OtherSiteError(NotFoundError):
    def __init__(self, site: str, served: str, what: str) -> None:
        advice = f"send them to the aggregator of site {site}, or start this one with its site.yaml"
        super().__init__(f"this aggregator serves site {served!r}, and the {what} are of site {site!r}: {advice}")
        self.site, self.served, self.what = site, served, what


class FrameTooLargeError(TooLargeError):
    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"a JPEG of {size_bytes:,} bytes is over the limit of {limit_bytes:,}, even at the lowest quality")
        self.size_bytes, self.limit_bytes = size_bytes, limit_bytes


class PacketTooLargeError(TooLargeError):
    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"a packet of {size_bytes:,} bytes is over the limit of {limit_bytes:,}: set a lower video.kbps")
        self.size_bytes, self.limit_bytes = size_bytes, limit_bytes


class PixelBudgetError(TooLargeError):
    """A camera's pictures are larger than what the pixel budget of its edge leaves."""

    def __init__(self, size: tuple[int, int], limit_pixels: int) -> None:
        super().__init__(
            f"its pictures of {size[0]}x{size[1]} exceed the {limit_pixels / 1e6:g} megapixels of all cameras of this edge: "
            "set its width and height, or raise DAVY_EDGE_MAX_MEGAPIXELS"
        )
        self.size, self.limit_pixels = size, limit_pixels


# --- callers -----------------------------------------------------------------------------------------------------------


class RefusedError(DavyError):
    """The caller may not do this."""


class UnauthenticatedError(RefusedError):
    def __init__(self, operation: str, reason: str = "sign in, or send a token or a certificate of this site") -> None:
        super().__init__(f"{operation} needs an identity: {reason}")
        self.operation, self.reason = operation, reason


class IdentityRefusedError(RefusedError):
    """The caller's certificate or token is missing, revoked, expired or of another site."""

    def __init__(self, who: str, reason: str) -> None:
        super().__init__(f"{who} is refused: {reason}")
        self.who, self.reason = who, reason


class PermissionDeniedError(RefusedError):
    """The caller is known, and may not do this."""

    def __init__(self, who: str, action: str) -> None:
        super().__init__(f"{who} may not {action}")
        self.who, self.action = who, action


class ProxyRefusedError(RefusedError):
    """A caller sends the headers of the trusted proxy, and is not that proxy."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"the proxy headers of {address or 'an unknown address'} are ignored: {reason}")
        self.address, self.reason = address, reason


class TooManyAttemptsError(RefusedError):
    def __init__(self, what: str, wait_s: float) -> None:
        super().__init__(f"too many {what}: try again in {wait_s:.0f} s")
        self.what, self.wait_s = what, wait_s


# --- unavailable services ----------------------------------------------------------------------------------------------


class UnavailableError(DavyError):
    """A service or resource outside this process is unavailable; a later attempt may succeed."""


class BrokerUnavailableError(UnavailableError):
    def __init__(self, endpoint: str, reason: str = "") -> None:
        super().__init__(f"no MQTT broker at {endpoint}" + (f": {reason}" if reason else ""))
        self.endpoint, self.reason = endpoint, reason


class MessageRefusedError(BrokerUnavailableError):
    """The broker is there and does not take this message: sending it again would not help."""

    def __init__(self, endpoint: str, topic: str, reason: str) -> None:
        super().__init__(endpoint, reason)
        self.args = (f"the broker at {endpoint} refuses {topic}: {reason}",)
        self.topic = topic


class SessionTakenOverError(BrokerUnavailableError):
    def __init__(self, endpoint: str, client_id: str) -> None:
        super().__init__(endpoint, f"another client connected as {client_id!r}: give each edge and service its own id")
        self.client_id = client_id


class StoreUnavailableError(UnavailableError):
    def __init__(self, endpoint: str, reason: str = "") -> None:
        engine = "NATS" if endpoint.startswith(("nats:", "tls:")) else "Redis-protocol"
        super().__init__(f"no {engine} server at {endpoint}" + (f": {reason}" if reason else ""))
        self.endpoint, self.reason = endpoint, reason


class ArchiveUnavailableError(UnavailableError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the database {path} cannot be used: {reason}")
        self.path, self.reason = path, reason


class MediaServerUnavailableError(UnavailableError):
    """No media server takes a camera's video."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no media server at {url}: {reason}")
        self.url = url


class AggregatorUnavailableError(UnavailableError):
    def __init__(self, endpoint: str, reason: str = "") -> None:
        super().__init__(f"no aggregator at {endpoint}" + (f": {reason}" if reason else ""))
        self.endpoint, self.reason = endpoint, reason


class AggregatorRefusedError(AggregatorUnavailableError):
    """The aggregator is there and its certificate is not accepted: it is revoked, expired, foreign, or of another host."""

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(endpoint, reason)
        self.args = (f"the aggregator at {endpoint} is refused: {reason}",)


class IdentityProviderUnavailableError(UnavailableError):
    def __init__(self, issuer: str, reason: str) -> None:
        super().__init__(f"nobody can sign in by {issuer} at the moment: {reason}")
        self.issuer, self.reason = issuer, reason


class AddressUnavailableError(UnavailableError):
    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}; choose another port, or 0 for any free one")
        self.address, self.reason = address, reason


class FolderInUseError(UnavailableError):
    def __init__(self, folder: str, holder: str) -> None:
        super().__init__(f"{folder} is in use by {holder}: stop that one, or give this one another folder (--data)")
        self.folder, self.holder = folder, holder


class StandbyError(UnavailableError):
    def __init__(self, leader: str, site: str) -> None:
        super().__init__(f"this aggregator stands by: {leader} leads site {site}; decide there, or stop that one")
        self.leader, self.site = leader, site


class OverloadedError(UnavailableError):
    def __init__(self, resource: str, limit: int) -> None:
        super().__init__(f"{resource} is full ({limit} waiting): try again in a moment, or slow down")
        self.resource, self.limit = resource, limit


class NoFrameError(UnavailableError):
    def __init__(self, camera: str, variant: str, reason: str = "") -> None:
        super().__init__(f"camera {camera} has no {variant} frame yet" + (f": {reason}" if reason else ""))
        self.camera, self.variant, self.reason = camera, variant, reason


class EdgeUnavailableError(UnavailableError):
    def __init__(self, edge: str, reason: str) -> None:
        super().__init__(f"edge {edge} cannot do this now: {reason}")
        self.edge, self.reason = edge, reason


class SpoolUnavailableError(UnavailableError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the spool {path} cannot be written: {reason}")
        self.path, self.reason = path, reason


class StorageFullError(UnavailableError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"nothing can be stored in {path}: {reason}")
        self.path, self.reason = path, reason


class EncoderError(UnavailableError):
    """An encoder of video is absent or failed."""

    def __init__(self, encoder: str, reason: str) -> None:
        super().__init__(f"video encoder {encoder}: {reason}")
        self.encoder = encoder


class DeadlineExceededError(UnavailableError):
    def __init__(self, task: str, deadline_s: float) -> None:
        super().__init__(f"{task} did not finish within {deadline_s:g} s")
        self.task, self.deadline_s = task, deadline_s


# --- cameras ----------------------------------------------------------------------------------------------------------


class CameraError(DavyError):
    """A camera delivers no frames."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"camera {source}: {reason}")
        self.source, self.reason = source, reason


class CameraUnavailableError(CameraError):
    """The camera could not be opened, or its connection broke."""


class CameraStalledError(CameraError):
    """The camera is open and sent nothing within its timeout."""


class CameraEndedError(CameraError):
    """A file or folder that is not looped has ended."""


# --- models -----------------------------------------------------------------------------------------------------------


class ModelError(DavyError):
    """A model file cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"model {path}: {reason}")
        self.path, self.reason = path, reason


class ModelRefusedError(ModelError):
    """A refused model package. cause names the violated rule ("digest", "gate:black"); figures may support it."""

    def __init__(self, cause: str, reason: str, figures: Mapping[str, float] | None = None) -> None:
        super().__init__("package", f"refused ({cause}): {reason}")
        self.cause, self.reason, self.figures = cause, reason, dict(figures or {})


class UnknownModelError(NotFoundError):
    def __init__(self, model: str, reason: str = "the registry has no model of this id or tag") -> None:
        super().__init__(f"model {model!r}: {reason}")
        self.model, self.reason = model, reason


class UnknownSampleError(NotFoundError):
    def __init__(self, sample: int) -> None:
        super().__init__(f"no sample {sample}; newer samples may have replaced it")
        self.sample = sample


class UnknownEdgeError(NotFoundError):
    def __init__(self, edge: str, known: Sequence[str]) -> None:
        hint = did_you_mean(edge, known) or f"; known edges: {', '.join(known[:8]) or 'none'}"
        super().__init__(f"no edge {edge!r}{hint}")
        self.edge, self.known = edge, tuple(known)


class UnknownConfigError(NotFoundError):
    def __init__(self, edge: str, config: str) -> None:
        super().__init__(f"edge {edge} has no configuration {config!r}: see its history")
        self.edge, self.config = edge, config


class UnknownRolloutError(NotFoundError):
    def __init__(self, rollout: str) -> None:
        super().__init__(f"there is no rollout {rollout!r}")
        self.rollout = rollout


class UnknownRunError(NotFoundError):
    def __init__(self, run: str) -> None:
        super().__init__(f"there is no training run {run!r}")
        self.run = run


class ChangedMeanwhileError(ConflictError):
    def __init__(self, what: str, expected: str, actual: str) -> None:
        super().__init__(f"{what} is {actual[:12]} now, not {expected[:12]}: it changed meanwhile: read it again")
        self.what, self.expected, self.actual = what, expected, actual


class UnknownUserError(NotFoundError):
    def __init__(self, user: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no user {user!r}{did_you_mean(user, known)}")
        self.user, self.known = user, tuple(known)


class UnknownTokenError(NotFoundError):
    def __init__(self, token: str) -> None:
        super().__init__(f"there is no token {token!r}")
        self.token = token


class RegistryUnavailableError(UnavailableError):
    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"the model registry {url} cannot be used: {reason}")
        self.url, self.reason = url, reason


class TransferError(DavyError):
    def __init__(self, what: str, differing: Sequence[str]) -> None:
        more = ", ..." if len(differing) > 3 else ""
        super().__init__(f"{len(differing)} {what} differ after the transfer: {', '.join(differing[:3])}{more}")
        self.what, self.differing = what, tuple(differing)


# --- the installation -------------------------------------------------------------------------------------------------


class KernelsMissingError(DavyError):
    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is missing: install davy with pip, which compiles it (`pip install -e .` in a checkout)")
        self.path = path


class KernelsOutdatedError(DavyError):
    """A C kernel and the Python code come from different versions."""

    def __init__(self, path: str, name: str, found: int, wanted: int) -> None:
        super().__init__(f"{path} is of another version ({name} is {found}, not {wanted}): install davy again with pip")
        self.path, self.name, self.found, self.wanted = path, name, found, wanted


class MissingExtraError(DavyError):
    """A package of an optional part is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs the package {package!r}: {install_command(extra)}")
        self.what, self.package, self.extra = what, package, extra


class TrainingError(DavyError):
    """A training run cannot continue; its last checkpoint holds the progress."""


class ScaleTestError(DavyError):
    """A load could not be put on a site."""


class MineFailedError(DavyError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"davy demo could not be measured: {reason}")
        self.reason = reason
