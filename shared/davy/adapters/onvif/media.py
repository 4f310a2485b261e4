"""Media profiles of an ONVIF device, by Media 2 or Media 1. Only for the process of its own, see child.py."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import zeep.exceptions
from onvif import ONVIFCamera, ONVIFService

from davy.adapters.onvif.text import plain_text
from davy.domain.network_camera import MAX_PROFILES, MediaProfile
from davy.domain.secret_url import SecretUrl
from davy.domain.source import InvalidSourceError, Source

MEDIA1 = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
MEDIA2_WSDL = Path(__file__).with_name("media2.wsdl")


async def call(service: ONVIFService, operation: str, has_login: bool, parameters: dict[str, Any] | None = None) -> Any:  # noqa: ANN401  # zeep builds its types from WSDL
    """Call an operation, with the login of the service or without."""
    return await getattr(service, operation if has_login else f"authless_{operation}")(parameters)


async def open_media2(client: ONVIFCamera) -> ONVIFService:
    """The Media 2 service of a camera, which the library does not know. The caller closes it."""
    service = ONVIFService(
        client.xaddrs[MEDIA2],
        client.user,
        client.passwd,
        str(MEDIA2_WSDL),
        no_cache=True,
        dt_diff=client.dt_diff,
        binding_name=f"{{{MEDIA2}}}Media2Binding",
    )
    await service.setup()
    return service


async def profiles2(client: ONVIFCamera, address: str, has_login: bool) -> list[MediaProfile]:
    """Profiles by Media 2, which Profile T requires and which alone tells of H.265."""
    service = await open_media2(client)
    try:
        answer = await call(service, "GetProfiles", has_login, {"Type": ["VideoEncoder"]})
        return [await _profile2(service, each, address, has_login) for each in (answer or ())[:MAX_PROFILES]]
    finally:
        await service.close()


async def profiles1(client: ONVIFCamera, address: str, has_login: bool) -> list[MediaProfile]:
    """Profiles by Media 1, which Profile S requires."""
    service = await client.create_media_service()
    answer = await call(service, "GetProfiles", has_login)
    return [await _profile1(service, each, address, has_login) for each in (answer or ())[:MAX_PROFILES]]


class _Profile(Protocol):
    """What the profiles of both services have."""

    Name: str
    token: str


async def _profile2(service: ONVIFService, profile: Any, address: str, has_login: bool) -> MediaProfile:  # noqa: ANN401  # as above
    token = {"ProfileToken": profile.token}
    stream = await call(service, "GetStreamUri", has_login, {"Protocol": "RTSP", **token})
    snapshot = await _optional(call(service, "GetSnapshotUri", has_login, token))
    return _read(profile, getattr(profile.Configurations, "VideoEncoder", None), address, stream, snapshot)


async def _profile1(service: ONVIFService, profile: Any, address: str, has_login: bool) -> MediaProfile:  # noqa: ANN401  # as above
    setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
    token = {"ProfileToken": profile.token}
    stream = await call(service, "GetStreamUri", has_login, {"StreamSetup": setup, **token})
    snapshot = await _optional(call(service, "GetSnapshotUri", has_login, token))
    return _read(profile, profile.VideoEncoderConfiguration, address, _uri(stream), _uri(snapshot))


async def _optional(answer: Awaitable[Any]) -> Any:  # noqa: ANN401  # as above
    try:
        return await answer
    except zeep.exceptions.Error:  # a camera need not have snapshots
        return None


def _uri(answer: object) -> object:
    return getattr(answer, "Uri", "")


def _read(profile: _Profile, encoder: object, address: str, stream: object, snapshot: object) -> MediaProfile:
    rate, size = getattr(encoder, "RateControl", None), getattr(encoder, "Resolution", None)
    return MediaProfile(
        name=plain_text(profile.Name or profile.token),
        codec=plain_text(getattr(encoder, "Encoding", "")),
        width=_number(getattr(size, "Width", 0)),
        height=_number(getattr(size, "Height", 0)),
        fps=_number(getattr(rate, "FrameRateLimit", 0)),
        stream=_at(address, stream),
        snapshot=_at(address, snapshot),
    )


def _at(address: str, url: object) -> SecretUrl:
    """A URL of a camera at the address that answered, without a login; empty if it is none."""
    try:
        parts = urlsplit(str(url or "").strip())
        port = f":{parts.port}" if parts.port else ""
        text = urlunsplit(parts._replace(netloc=f"{address}{port}", fragment=""))
        return SecretUrl(Source.parse(text).text) if parts.hostname else SecretUrl("")
    except (ValueError, InvalidSourceError):
        return SecretUrl("")


def _number(value: object) -> int:
    """A number within bounds; 0 for anything else, such as NaN."""
    return min(max(int(value), 0), 100_000) if isinstance(value, int | float) and abs(value) < 1e9 else 0
