"""Questions to one ONVIF device: information and media profiles. Only for the process of its own, see child.py."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import zeep.exceptions
from onvif import ONVIFCamera
from onvif.settings import DEFAULT_SETTINGS
from onvif.util import is_auth_error

from davy.adapters.onvif.text import plain_text
from davy.domain.network_camera import MAX_PROFILES, Login, MediaProfile, NetworkCamera
from davy.domain.secret_url import SecretUrl
from davy.domain.source import InvalidSourceError, Source

DEFAULT_SETTINGS.forbid_dtd, DEFAULT_SETTINGS.xml_huge_tree = True, False  # its own are lenient

MEDIA = "http://www.onvif.org/ver10/media/wsdl"
LOGIN_NEEDED = "it asks for a user and a password"
LOGIN_REJECTED = "it rejects this user or password"
NO_ONVIF = "its answer is not ONVIF"


async def prepare() -> None:
    """Read the WSDL files, which takes seconds, before the time of a camera runs. Nothing is sent."""
    client = ONVIFCamera("127.0.0.1", 80, "", "", no_cache=True)
    client.xaddrs[MEDIA] = "http://127.0.0.1"
    await client.create_devicemgmt_service()
    await client.create_media_service()
    await client.close()


async def ask(camera: NetworkCamera, login: Login) -> NetworkCamera:
    """Ask a camera for information and profiles. The first rejection ends it: cameras lock a user out after a few.

    Returns:
        The camera with profiles, or with the reason why there are none.
    """
    host = f"https://{camera.address}" if camera.secure else camera.address
    # A rewritten address is the one that answered, whatever the device announces.
    client = ONVIFCamera(
        host, camera.port, login.user, login.password, no_cache=True, adjust_time=True, nat_override=not camera.secure
    )
    try:
        return await _ask(client, camera, bool(login))
    except Exception as error:  # noqa: BLE001  # an answer of any form may meet any line of three libraries
        rejected = _is_rejection(error)
        reason = (LOGIN_REJECTED if login else LOGIN_NEEDED) if rejected else _reason(error)
        return replace(camera, reason=reason, login_needed=rejected)
    finally:
        await client.close()


async def _ask(client: ONVIFCamera, camera: NetworkCamera, has_login: bool) -> NetworkCamera:
    device = await client.create_devicemgmt_service()
    if has_login:
        await client.get_capabilities()  # it also measures the camera's clock, which a password's digest depends on
        device = await client.create_devicemgmt_service()
    else:
        capabilities = await device.authless_GetCapabilities({"Category": "Media"})
        client.xaddrs[MEDIA] = client.rewrite_url(capabilities.Media.XAddr)
    about = await _call(device, "GetDeviceInformation", has_login)
    media = await client.create_media_service()
    announced = (await _call(media, "GetProfiles", has_login))[:MAX_PROFILES]
    profiles = [await _profile(media, each, camera.address, has_login) for each in announced]
    return replace(
        camera,
        manufacturer=plain_text(about.Manufacturer),
        model=plain_text(about.Model),
        firmware=plain_text(about.FirmwareVersion),
        profiles=tuple(profiles),
        reason="" if profiles else "it has no media profile",
    )


async def _call(service: Any, operation: str, has_login: bool, parameters: dict[str, Any] | None = None) -> Any:  # noqa: ANN401  # zeep builds its types from WSDL
    return await getattr(service, operation if has_login else f"authless_{operation}")(parameters)


async def _profile(media: Any, profile: Any, address: str, has_login: bool) -> MediaProfile:  # noqa: ANN401  # as above
    encoder = profile.VideoEncoderConfiguration
    rate, size = getattr(encoder, "RateControl", None), getattr(encoder, "Resolution", None)
    setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
    stream = await _call(media, "GetStreamUri", has_login, {"StreamSetup": setup, "ProfileToken": profile.token})
    try:
        snapshot = await _call(media, "GetSnapshotUri", has_login, {"ProfileToken": profile.token})
    except zeep.exceptions.Error:  # optional in Profile S
        snapshot = None
    return MediaProfile(
        name=plain_text(profile.Name or profile.token),
        codec=plain_text(getattr(encoder, "Encoding", "")),
        width=_number(getattr(size, "Width", 0)),
        height=_number(getattr(size, "Height", 0)),
        fps=_number(getattr(rate, "FrameRateLimit", 0)),
        stream=_at(address, getattr(stream, "Uri", "")),
        snapshot=_at(address, getattr(snapshot, "Uri", "")),
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
    return min(max(int(value), 0), 100_000) if isinstance(value, int | float) else 0


def _is_rejection(error: Exception) -> bool:
    return is_auth_error(error) or getattr(error, "status_code", 0) in (401, 403)


def _reason(error: Exception) -> str:
    if isinstance(error, zeep.exceptions.Fault):
        return f"it refuses: {plain_text(error.message)}"
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionError):
        return "it does not accept the connection"
    return NO_ONVIF
