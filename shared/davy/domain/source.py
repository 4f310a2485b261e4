"""The source of a camera's pictures as a value that is safe by construction, and which sources an edge may open."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from davy.domain.errors import ConfigError
from davy.domain.secret_url import SecretUrl
from davy.domain.urls import escape_login, redact

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NETWORK_SCHEMES = ("rtsp", "rtsps", "http", "https")
LOCAL_SCHEMES = ("file", "usb")
SIMULATED_SCHEMES = ("simulator", "mine")  # `mine` is deprecated; both open nothing outside the process
SCHEMES = (*SIMULATED_SCHEMES, *NETWORK_SCHEMES, *LOCAL_SCHEMES)
FORMS = {  # of each kind of camera, for help texts
    "simulator": "simulator://PLACE",
    "rtsp": "rtsp://…",
    "rtsps": "rtsps://…",
    "http": "http://… (MJPEG)",
    "https": "https://… (MJPEG)",
    "file": "file:///video.mp4, file:///folder/ (looped)",
    "usb": "usb://0",
}
MAX_LENGTH = 2048  # characters
PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")  # no loopback: an edge's own services

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ENCODED_CONTROL = re.compile(r"%(?:0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)
_HOST_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?")
_DEVICE = re.compile(r"/dev/(?:video[0-9]{1,3}|v4l/by-(?:id|path)/[\w.:+-]+)")


class InvalidSourceError(ConfigError):
    """A source is malformed, or the edge may not open it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed source.

    Args:
        text: As it was written; user and password are percent-encoded. Only adapters use it.
        host: Lower case; empty where the scheme has none.
        path: Of a file or device, decoded; of a URL as written.
    """

    text: str = field(repr=False)  # it may hold a password
    scheme: str
    host: str
    path: str

    @classmethod
    def of(cls, url: SecretUrl) -> Self:
        """Parse the source of a camera's configuration; raises as `parse` does."""
        return cls.parse(url.get_secret_value())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a source.

        Raises:
            InvalidSourceError: unknown scheme, control characters, no host, an illegal port, or more than 2048 characters.
        """
        shown = redact(text[:MAX_LENGTH])[:200]
        if len(text) > MAX_LENGTH or _CONTROL.search(text):
            raise InvalidSourceError(f"a source has at most {MAX_LENGTH} characters and no control characters")
        scheme, mark, rest = text.partition("://")
        scheme = scheme.lower()
        if not mark or scheme not in SCHEMES:
            raise InvalidSourceError(f"a source starts with one of {', '.join(f'{each}://' for each in SCHEMES)}")
        if scheme == "file":
            return cls(text, scheme, "", unquote(rest))
        if scheme == "usb":
            return cls(text, scheme, "", _device(rest))
        if scheme in SIMULATED_SCHEMES:
            return cls(text, scheme, "", rest)
        if _ENCODED_CONTROL.search(rest):
            raise InvalidSourceError(f"{shown}: a URL has no encoded control characters")
        try:
            escaped = escape_login(text)
            parts = urlsplit(escaped)
            host, _ = (parts.hostname or "").lower(), parts.port
        except (ValueError, ConfigError) as error:
            raise InvalidSourceError(f"{shown}: {redact(str(error))}") from error
        if _literal(host) is None and not _HOST_NAME.fullmatch(host):
            raise InvalidSourceError(f"{shown}: a host name or an IP address is expected")
        return cls(escaped, scheme, host, parts.path)


class SourcePolicy(BaseModel):
    """The sources that may be configured from afar on one edge, and that a camera's redirects may lead to.

    It stands in the edge's own file and cannot be changed from afar. Sources in that file itself are always allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schemes: tuple[str, ...] = Field(
        (*SIMULATED_SCHEMES, *NETWORK_SCHEMES),
        description="Allowed schemes. file and usb are off unless they are listed.",
    )
    networks: tuple[Network, ...] = Field(
        tuple(ipaddress.ip_network(each) for each in PRIVATE_NETWORKS),
        description="Networks of the cameras. Default: the private networks, without the edge itself.",
    )
    folders: tuple[Path, ...] = Field((), description="Folders of video files and pictures, if file is allowed.")
    hosts: tuple[str, ...] = Field((), description="Hosts that are allowed wherever their names lead.")

    @field_validator("schemes")
    @classmethod
    def _known(cls, schemes: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [each for each in schemes if each not in SCHEMES]:
            raise ValueError(f"{unknown[0]!r} is no scheme; known: {', '.join(SCHEMES)}")
        return schemes

    def trusting(self, sources: Iterable[Source]) -> "SourcePolicy":
        """Return the policy that also allows these sources."""
        own = list(sources)
        return self.model_copy(
            update={
                "schemes": tuple(dict.fromkeys((*self.schemes, *(source.scheme for source in own)))),
                "folders": (*self.folders, *(Path(source.path) for source in own if source.scheme == "file")),
                "hosts": (*self.hosts, *(source.host for source in own if source.host)),
            }
        )

    def check(self, source: Source) -> None:
        """Check that a source may be opened. A host name is checked when it is resolved.

        Raises:
            InvalidSourceError: it may not; the text names the setting.
        """
        if source.scheme not in self.schemes:
            raise InvalidSourceError(f"this edge allows no {source.scheme}:// sources (sources.schemes in its own file)")
        if source.scheme == "file":
            self.check_path(Path(source.path))
        if source.host and (address := _literal(source.host)) is not None:
            self.check_address(source.host, address)

    def check_path(self, path: Path) -> None:
        """Check the file or folder that a source leads to; raises InvalidSourceError if it may not be read."""
        real = path.resolve()
        if not any(real.is_relative_to(folder.resolve()) for folder in self.folders):
            raise InvalidSourceError("this edge allows no files of that folder (sources.folders in its own file)")

    def check_address(self, host: str, address: Address) -> None:
        """Check the address that a host name leads to; raises InvalidSourceError if it may not be connected to."""
        plain = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped else address
        if host.lower() not in self.hosts and not any(plain in network for network in self.networks):
            raise InvalidSourceError("this edge allows no cameras of that network (sources.networks in its own file)")


ANY_SOURCE = SourcePolicy(
    schemes=SCHEMES,
    networks=(ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")),
    folders=(Path("/"),),
)
"""For programs that open what the person at the keyboard names."""


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _device(rest: str) -> str:
    device = f"/dev/video{rest}" if rest.isascii() and rest.isdigit() and len(rest) < 4 else rest
    if not _DEVICE.fullmatch(device):
        raise InvalidSourceError("usb:// names a camera by its number, or as /dev/video0 or /dev/v4l/by-id/NAME")
    return device
