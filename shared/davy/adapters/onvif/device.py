"""Questions to one ONVIF device: information and media profiles. Only for the process of its own, see child.py."""

import asyncio
from dataclasses import replace

import aiohttp
import zeep.exceptions
from onvif import ONVIFCamera, ONVIFService
from onvif.settings import DEFAULT_SETTINGS
from onvif.util import is_auth_error

from davy.adapters.onvif.media import MEDIA1, MEDIA2, call, open_media2, profiles1, profiles2
from davy.adapters.onvif.text import plain_text
from davy.domain.network_camera import Login, MediaProfile, NetworkCamera

DEFAULT_SETTINGS.forbid_dtd, DEFAULT_SETTINGS.xml_huge_tree = True, False  # its own are lenient

MEDIA2_SHARE = 0.5  # of the time of a camera, where Media 1 may answer in its place
LOGIN_NEEDED = "it asks for a user and a password"
LOGIN_REJECTED = "it rejects this user or password"
NO_ONVIF = "its answer is not ONVIF"


async def prepare() -> None:
    """Read the WSDL files, which takes seconds, before the time of a camera runs. Nothing is sent."""
    client = ONVIFCamera("127.0.0.1", 80, "", "", no_cache=True)
    client.xaddrs[MEDIA1] = client.xaddrs[MEDIA2] = "http://127.0.0.1"
    await client.create_devicemgmt_service()
    await client.create_media_service()
    await (await open_media2(client)).close()
    await client.close()


async def ask(camera: NetworkCamera, login: Login, seconds: float) -> NetworkCamera:
    """Ask a camera for information and profiles. The first rejection ends it: cameras lock a user out after a few.

    Args:
        camera: A camera that answered the search, or was named.
        login: Empty: only what a camera tells anybody.
        seconds: Time that the caller gives the camera; a Media 2 that hangs leaves half of it to Media 1.

    Returns:
        The camera with profiles, or with the reason why there are none.
    """
    host = f"https://{camera.address}" if camera.secure else camera.address
    # A rewritten address is the one that answered, whatever the device announces.
    client = ONVIFCamera(
        host, camera.port, login.user, login.password, no_cache=True, adjust_time=True, nat_override=not camera.secure
    )
    try:
        return await _ask(client, camera, bool(login), seconds)
    except Exception as error:  # noqa: BLE001  # an answer of any form may meet any line of three libraries
        rejected = _is_rejection(error)
        reason = (LOGIN_REJECTED if login else LOGIN_NEEDED) if rejected else _reason(error)
        return replace(camera, reason=reason, login_needed=rejected)
    finally:
        await client.close()


async def _ask(client: ONVIFCamera, camera: NetworkCamera, has_login: bool, seconds: float) -> NetworkCamera:
    device = await client.create_devicemgmt_service()
    await _find_services(client, device)
    if has_login:
        await _measure_clock(client)
        device = await client.create_devicemgmt_service()
    elif not client.xaddrs:
        capabilities = await device.authless_GetCapabilities({"Category": "Media"})
        client.xaddrs[MEDIA1] = client.rewrite_url(capabilities.Media.XAddr)
    about = await call(device, "GetDeviceInformation", has_login)
    profiles = await _profiles(client, camera.address, has_login, seconds)
    return replace(
        camera,
        manufacturer=plain_text(about.Manufacturer),
        model=plain_text(about.Model),
        firmware=plain_text(about.FirmwareVersion),
        profiles=tuple(profiles),
        reason="" if profiles else "it has no media profile",
    )


async def _measure_clock(client: ONVIFCamera) -> None:
    """Compare the camera's clock, which a password's digest depends on; the library does it before it asks for capabilities."""
    try:
        await client.get_capabilities()
    except Exception as error:  # as in ask; the library fails if a camera names no capability
        if _is_rejection(error) or not client.xaddrs:
            raise


async def _find_services(client: ONVIFCamera, device: ONVIFService) -> None:
    """Learn where the media services are. Without the login, which no camera may ask for here: ONVIF core, 5.9.4.3."""
    try:
        services = await device.authless_GetServices({"IncludeCapability": False})
    except zeep.exceptions.Error:  # an old camera: its capabilities name Media 1
        return
    known = (MEDIA1, MEDIA2)
    client.xaddrs.update({each.Namespace: client.rewrite_url(each.XAddr) for each in services or () if each.Namespace in known})


async def _profiles(client: ONVIFCamera, address: str, has_login: bool, seconds: float) -> list[MediaProfile]:
    """Ask Media 2 where the camera has it, and Media 1 where Media 2 fails or has none."""
    if MEDIA2 in client.xaddrs:
        last = MEDIA1 not in client.xaddrs
        try:
            async with asyncio.timeout(None if last else seconds * MEDIA2_SHARE):
                profiles = await profiles2(client, address, has_login)
            if profiles or last:
                return profiles
        except Exception as error:  # as in ask
            if last or _is_rejection(error):
                raise
    return await profiles1(client, address, has_login)


def _is_rejection(error: Exception) -> bool:
    return is_auth_error(error) or getattr(error, "status_code", 0) in (401, 403)


def _reason(error: Exception) -> str:
    if isinstance(error, zeep.exceptions.Fault):
        return f"it refuses: {plain_text(error.message)}"
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionError):
        return "it does not accept the connection"
    return NO_ONVIF
