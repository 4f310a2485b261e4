"""The search for cameras, in a process with limits. See davy.adapters.onvif.child."""

import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from davy.adapters.camera.network import allowed_addresses
from davy.adapters.process.isolated import Bounds, IsolatedProcess
from davy.domain.errors import CameraUnavailableError, MissingExtraError, ProcessEndedError
from davy.domain.network_camera import MAX_CAMERAS, NO_LOGIN, Login, MediaProfile, NetworkCamera
from davy.domain.secret_url import SecretUrl
from davy.domain.source import ANY_SOURCE, SourcePolicy

MULTICAST_PORT = 3702  # WS-Discovery 1.0, 2.4
CHILD = "davy.adapters.onvif.child"
PACKAGES = {"onvif": "onvif-zeep-async", "wsdiscovery": "WSDiscovery", "defusedxml": "defusedxml"}
MEMORY_BYTES = 1024 * 2**20  # address space; the packages and their WSDL files take 0.5 GB of it
CPU_S = 30
START_S = 10.0  # reading the WSDL files takes 2 s of a core

OnCamera = Callable[[NetworkCamera], None]


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What to search for.

    Args:
        cameras: Cameras to ask, without a search; empty: search the network.
        login: Sent to every camera that answers, once each; empty: only what a camera tells anybody.
        probe_s: How long answers to the search are awaited.
        camera_s: Limit of the questions to one camera.
        policy: Addresses that may be asked.
        port: UDP port of the search.
    """

    cameras: tuple[NetworkCamera, ...] = ()
    login: Login = NO_LOGIN
    probe_s: float = 3.0
    camera_s: float = 8.0
    policy: SourcePolicy = ANY_SOURCE
    port: int = MULTICAST_PORT

    def to_bytes(self) -> bytes:
        """Write the request for the child."""
        plain = {
            "cameras": [{"address": each.address, "port": each.port, "secure": each.secure} for each in self.cameras],
            "login": [self.login.user, self.login.password],
            "probe_s": self.probe_s,
            "camera_s": self.camera_s,
            "networks": [str(each) for each in self.policy.networks],
            "hosts": list(self.policy.hosts),
            "port": self.port,
        }
        return json.dumps(plain).encode()

    @property
    def longest_s(self) -> float:
        """When every camera has answered or is given up; cameras are asked at the same time."""
        return START_S + (0 if self.cameras else self.probe_s) + self.camera_s


@dataclass(slots=True)
class CameraSearch:
    """One search. `run` blocks; `cancel` may come from any thread.

    Raises:
        MissingExtraError: the packages of the extra are not installed.
    """

    request: SearchRequest
    _process: IsolatedProcess | None = field(default=None, init=False)
    _cancelled: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        for module, package in PACKAGES.items():
            if importlib.util.find_spec(module) is None:
                raise MissingExtraError("the search for cameras", package, "onvif")

    def run(self, on_camera: OnCamera = lambda _: None) -> list[NetworkCamera]:
        """Search, and ask each camera for its profiles.

        Args:
            on_camera: Called when a camera is found, and again with its profiles or the reason why it has none.

        Returns:
            The cameras by address; each that is found has profiles or a reason. Empty after `cancel`.
        """
        found: dict[tuple[str, int], NetworkCamera] = {}
        open_: set[tuple[str, int]] = set()

        def take(line: bytes) -> None:
            camera, final = _camera(json.loads(line))
            key = camera.address, camera.port
            if key not in found and len(found) >= MAX_CAMERAS:
                return
            found[key] = camera
            (open_.discard if final else open_.add)(key)
            on_camera(camera)

        ends_s = time.monotonic() + 2 * self.request.longest_s
        reason = self._run(self.request, take)
        for key in sorted(open_):  # one of them ended the process: ask each alone
            if self._cancelled:
                return []
            if time.monotonic() < ends_s:
                reason = self._run(replace(self.request, cameras=(found[key],)), take) or reason
            if key in open_:
                found[key] = replace(found[key], reason=reason or "it did not answer in time")
                on_camera(found[key])
        return [] if self._cancelled else [found[key] for key in sorted(found)]

    def cancel(self) -> None:
        """End the search."""
        self._cancelled = True
        if self._process is not None:
            self._process.kill()

    def _run(self, request: SearchRequest, take: Callable[[bytes], None]) -> str:
        """Run the child; return why it ended early, or an empty text."""
        self._process = IsolatedProcess(CHILD, "the answers of the cameras", Bounds(MEMORY_BYTES, CPU_S, request.longest_s))
        try:
            if self._cancelled:
                self._process.close()
            else:
                self._process.run(request.to_bytes(), take)
        except ProcessEndedError as error:
            return error.reason
        return ""


def named_camera(request: SearchRequest, host: str, port: int = 0, secure: bool = False) -> SearchRequest:
    """Return the request that asks this camera alone. Blocks, to resolve the name.

    Args:
        request: Its policy decides on the address.
        host: Name or address.
        secure: Whether the device service is https.
        port: Of its ONVIF device service; 0: 80, or 443 if secure.

    Raises:
        CameraUnavailableError: the name has no address.
        InvalidSourceError: the policy does not allow the address.
    """
    port = port or (443 if secure else 80)
    try:
        address = allowed_addresses(host, port, request.policy)[0]
    except (OSError, UnicodeError) as error:
        raise CameraUnavailableError(host, "its name cannot be resolved") from error
    policy = request.policy.model_copy(update={"hosts": (*request.policy.hosts, address)})
    return replace(request, cameras=(NetworkCamera(address, port, secure),), policy=policy)


def _camera(line: dict[str, Any]) -> tuple[NetworkCamera, bool]:
    """Read a line of the child, and whether it is the last one of its camera."""
    final = bool(line.pop("final"))
    profiles = tuple(
        MediaProfile(**{**each, "stream": SecretUrl(each["stream"]), "snapshot": SecretUrl(each["snapshot"])})
        for each in line.pop("profiles", ())
    )
    return NetworkCamera(**line, profiles=profiles), final


def to_line(camera: NetworkCamera, final: bool) -> dict[str, Any]:
    """Write a camera for the parent; the inverse of what `run` reads."""
    plain = {name: value for name, value in _fields(camera) if name != "profiles"}
    profiles = [
        dict(_fields(each)) | {"stream": each.stream.get_secret_value(), "snapshot": each.snapshot.get_secret_value()}
        for each in camera.profiles
    ]
    return {**plain, "profiles": profiles, "final": final}


def _fields(value: NetworkCamera | MediaProfile) -> Iterator[tuple[str, Any]]:
    return ((name, getattr(value, name)) for name in type(value).__dataclass_fields__)
