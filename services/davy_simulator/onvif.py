"""The simulated mine as an ONVIF device: it answers a search of the network, and tells its media profiles.

It is one device with one media profile per camera, as a video encoder is. It answers what Davy asks, a part of Profiles S and
T: no control, no events, no changes. For trying out and tests.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from xml.etree.ElementTree import Element  # of a tree that defusedxml made
from xml.sax.saxutils import escape

import defusedxml
import ifaddr
from defusedxml import ElementTree
from fastapi import FastAPI, Request, Response
from wsdiscovery.actions import constructProbeMatch
from wsdiscovery.message import createSOAPMessage, parseSOAPMessage
from wsdiscovery.qname import QName
from wsdiscovery.scope import Scope
from wsdiscovery.service import Service

from davy_simulator.settings import SimulatorSettings

GROUP = "239.255.255.250"
DEVICE, MEDIA, SCHEMA = (f"http://www.onvif.org/ver10/{name}" for name in ("device/wsdl", "media/wsdl", "schema"))
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
NETWORK = "http://www.onvif.org/ver10/network/wsdl"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-{}-1.0.xsd"
WSSE, WSU = SECURITY.format("secext"), SECURITY.format("utility")
PATH = "/onvif/device_service"
MEDIA2_PATH = "/onvif/media2_service"
MODEL = "Simulated mine"
OPEN = frozenset({"GetSystemDateAndTime", "GetCapabilities", "GetServices"})  # before a login; ONVIF core, 5.12.1
ENVELOPE = (
    f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}" xmlns:tds="{DEVICE}" xmlns:trt="{MEDIA}" '
    f'xmlns:tr2="{MEDIA2}" xmlns:tt="{SCHEMA}" xmlns:ter="http://www.onvif.org/ver10/error"><s:Body>{{}}</s:Body></s:Envelope>'
)
FAULT = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:{code}</s:Value></s:Subcode></s:Code>"
    '<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>'
)
PROFILE = (
    '<trt:Profiles token="{name}" fixed="true"><tt:Name>{name}</tt:Name>'
    '<tt:VideoEncoderConfiguration token="{name}"><tt:Name>{name}</tt:Name><tt:UseCount>1</tt:UseCount>'
    "<tt:Encoding>JPEG</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"
    "<tt:Quality>{quality}</tt:Quality><tt:RateControl><tt:FrameRateLimit>{fps:.0f}</tt:FrameRateLimit>"
    "<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>8000</tt:BitrateLimit></tt:RateControl>"
    "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
    "<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
    "<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration></trt:Profiles>"
)
PROFILE2 = (
    '<tr2:Profiles token="{name}" fixed="true"><tr2:Name>{name}</tr2:Name><tr2:Configurations><tr2:VideoEncoder token="{name}">'
    "<tt:Name>{name}</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>JPEG</tt:Encoding>"
    "<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"
    "<tt:RateControl><tt:FrameRateLimit>{fps}</tt:FrameRateLimit><tt:BitrateLimit>8000</tt:BitrateLimit></tt:RateControl>"
    "<tt:Quality>{quality}</tt:Quality></tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>"
)


class RefusedError(Exception):
    """A SOAP fault. code is one of ONVIF's subcodes."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def add_onvif(app: FastAPI, settings: SimulatorSettings, places: Sequence[str]) -> None:
    """Serve the device and Media 1 at /onvif/device_service, Media 2 at /onvif/media2_service."""

    async def answer(request: Request) -> Response:
        base = f"{request.url.scheme}://{request.url.netloc}"
        try:
            service, operation, parameters = _read(await request.body(), settings)
            body, status = _answer(service, operation, parameters, settings, places, base), 200
        except RefusedError as error:
            body, status = FAULT.format(code=error.code, reason=escape(str(error))), 400
        return Response(ENVELOPE.format(body), status, media_type="application/soap+xml")

    for path in (PATH, MEDIA2_PATH):
        app.add_api_route(path, answer, methods=["POST"])


def _read(body: bytes, settings: SimulatorSettings) -> tuple[str, str, Mapping[str, str]]:
    """The service's namespace, the operation and its parameters; raises RefusedError without the right login."""
    try:
        envelope = ElementTree.fromstring(body, forbid_dtd=True)
        operation = next(iter(envelope.find(f"{{{SOAP}}}Body")))
    except (defusedxml.DefusedXmlException, ElementTree.ParseError, TypeError, StopIteration) as error:
        raise RefusedError("WellFormed", "this is no SOAP request") from error
    service, _, name = operation.tag.rpartition("}")
    if settings.onvif_user and name not in OPEN:
        _check_login(envelope, settings)
    return service.lstrip("{"), name, {each.tag.rpartition("}")[2]: each.text or "" for each in operation.iter()}


def _check_login(envelope: Element, settings: SimulatorSettings) -> None:
    """Compare a WS-Security username token with a password digest; source: OASIS UsernameToken Profile 1.0."""
    found = {
        name: envelope.findtext(f".//{{{namespace}}}{name}") or ""
        for namespace, name in ((WSSE, "Username"), (WSSE, "Password"), (WSSE, "Nonce"), (WSU, "Created"))
    }
    password = settings.onvif_password.get_secret_value()
    try:
        nonce = base64.b64decode(found["Nonce"], validate=True)
    except ValueError:
        nonce = b""
    digest = hashlib.sha1(nonce + found["Created"].encode() + password.encode()).digest()
    same = hmac.compare_digest(base64.b64encode(digest), found["Password"].encode())
    if not (nonce and same and found["Username"] == settings.onvif_user):
        raise RefusedError("NotAuthorized", "the sender is not authorized")


def _answer(
    service: str, operation: str, parameters: Mapping[str, str], settings: SimulatorSettings, places: Sequence[str], base: str
) -> str:
    if service == MEDIA and 1 in settings.onvif_media:
        return _media1(operation, parameters, settings, places, base)
    if service == MEDIA2 and 2 in settings.onvif_media:
        return _media2(operation, parameters, settings, places, base)
    return _device(operation, settings, base)


def _device(operation: str, settings: SimulatorSettings, base: str) -> str:
    match operation:
        case "GetSystemDateAndTime":
            return _date(datetime.now(UTC))
        case "GetServices":
            own = {MEDIA: PATH} if 1 in settings.onvif_media else {}
            own |= {MEDIA2: MEDIA2_PATH} if 2 in settings.onvif_media else {}
            inner = "".join(
                f"<tds:Service><tds:Namespace>{each}</tds:Namespace><tds:XAddr>{base}{path}</tds:XAddr><tds:Version>"
                "<tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
                for each, path in ({DEVICE: PATH} | own).items()
            )
            return f"<tds:GetServicesResponse>{inner}</tds:GetServicesResponse>"
        case "GetCapabilities":
            media = f"<tt:Media><tt:XAddr>{base}{PATH}</tt:XAddr><tt:StreamingCapabilities/></tt:Media>"
            inner = media if 1 in settings.onvif_media else ""  # they have no place for Media 2
            return f"<tds:GetCapabilitiesResponse><tds:Capabilities>{inner}</tds:Capabilities></tds:GetCapabilitiesResponse>"
        case "GetDeviceInformation":
            values = {"Manufacturer": "Davy", "Model": MODEL, "FirmwareVersion": "1", "SerialNumber": "1", "HardwareId": "1"}
            inner = "".join(f"<tds:{name}>{value}</tds:{name}>" for name, value in values.items())
            return f"<tds:GetDeviceInformationResponse>{inner}</tds:GetDeviceInformationResponse>"
    raise RefusedError("ActionNotSupported", "this device does not do that")


def _media1(
    operation: str, parameters: Mapping[str, str], settings: SimulatorSettings, places: Sequence[str], base: str
) -> str:
    if operation == "GetProfiles":
        return f"<trt:GetProfilesResponse>{_profiles(PROFILE, settings, places)}</trt:GetProfilesResponse>"
    inner = (
        f"<tt:Uri>{_uri(operation, parameters, places, base)}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
    )
    inner += "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout>"
    return f"<trt:{operation}Response><trt:MediaUri>{inner}</trt:MediaUri></trt:{operation}Response>"


def _media2(
    operation: str, parameters: Mapping[str, str], settings: SimulatorSettings, places: Sequence[str], base: str
) -> str:
    if operation == "GetProfiles":
        return f"<tr2:GetProfilesResponse>{_profiles(PROFILE2, settings, places)}</tr2:GetProfilesResponse>"
    uri = _uri(operation, parameters, places, base)
    return f"<tr2:{operation}Response><tr2:Uri>{uri}</tr2:Uri></tr2:{operation}Response>"


def _profiles(form: str, settings: SimulatorSettings, places: Sequence[str]) -> str:
    facts = settings.model_dump(include={"width", "height", "fps", "quality"})
    return "".join(form.format(name=place, **facts) for place in places)


def _uri(operation: str, parameters: Mapping[str, str], places: Sequence[str], base: str) -> str:
    endings = {"GetStreamUri": "mjpeg", "GetSnapshotUri": "jpg"}
    place = parameters.get("ProfileToken", "")
    if operation not in endings:
        raise RefusedError("ActionNotSupported", "this device does not do that")
    if place not in places:
        raise RefusedError("NoProfile", "there is no such profile")
    return f"{base}/{place}.{endings[operation]}"


def _date(now: datetime) -> str:
    clock = f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
    day = f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
    inner = "<tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
    inner += f"<tt:UTCDateTime><tt:Time>{clock}</tt:Time>{day}</tt:UTCDateTime>"
    return (
        f"<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>{inner}</tds:SystemDateAndTime>"
        "</tds:GetSystemDateAndTimeResponse>"
    )


@asynccontextmanager
async def answering(settings: SimulatorSettings, port: int) -> AsyncIterator[None]:
    """Answer searches of the networks that the cameras are served on, while the block runs.

    Args:
        port: Of the device service.
    """
    everywhere = ipaddress.ip_address(settings.host).is_unspecified
    own = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
    addresses = own if everywhere else [settings.host]
    services = [f"http://{each}:{port}{PATH}" for each in addresses]
    loop = asyncio.get_running_loop()
    opened = _join(addresses, settings.onvif_port)
    transport, _ = await loop.create_datagram_endpoint(lambda: _Responder(services), sock=opened)
    try:
        yield
    finally:
        transport.close()


def _join(addresses: Sequence[str], port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setblocking(False)
    opened.bind((GROUP, port))
    for each in addresses:
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton(each))
    return opened


class _Responder(asyncio.DatagramProtocol):
    """Answers each probe for a video transmitter, or for any device."""

    def __init__(self, services: list[str]) -> None:
        names = "Profile/Streaming", "Profile/T", "name/Davy", "hardware/Simulated%20mine"
        scopes = [Scope(f"onvif://www.onvif.org/{each}") for each in names]
        kinds = [QName(NETWORK, "NetworkVideoTransmitter", "dn"), QName(DEVICE, "Device", "tds")]
        self._service = Service(kinds, scopes, services, f"urn:uuid:{uuid.uuid4()}", 1)
        self._kinds = {each.getFullname() for each in kinds}

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # the kind it is
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            ElementTree.fromstring(data, forbid_dtd=True)
            probe = parseSOAPMessage(data, addr[0])
            wanted = {each.getFullname() for each in probe.getTypes()}
        except (defusedxml.DefusedXmlException, ElementTree.ParseError, AttributeError, LookupError, ValueError):
            return  # no probe
        if wanted <= self._kinds:
            answer = createSOAPMessage(constructProbeMatch([self._service], probe.getMessageId()))
            self._transport.sendto(answer.encode(), addr)
