"""The simulated mine as an ONVIF device: it answers a search of the network, and tells its media profiles.

It is one device with one media profile per camera, as a video encoder is. It answers what Davy asks, a part of Profile S: no
control, no events, no changes. For trying out and tests.
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
NETWORK = "http://www.onvif.org/ver10/network/wsdl"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-{}-1.0.xsd"
WSSE, WSU = SECURITY.format("secext"), SECURITY.format("utility")
PATH = "/onvif/device_service"
MODEL = "Simulated mine"
OPEN = frozenset({"GetSystemDateAndTime", "GetCapabilities"})  # before a login; ONVIF core, 5.12.1
ENVELOPE = (
    f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}" xmlns:tds="{DEVICE}" xmlns:trt="{MEDIA}" '
    f'xmlns:tt="{SCHEMA}" xmlns:ter="http://www.onvif.org/ver10/error"><s:Body>{{}}</s:Body></s:Envelope>'
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


class RefusedError(Exception):
    """A SOAP fault. code is one of ONVIF's subcodes."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def add_onvif(app: FastAPI, settings: SimulatorSettings, places: Sequence[str]) -> None:
    """Serve the device and media service at /onvif/device_service."""

    async def answer(request: Request) -> Response:
        base = f"{request.url.scheme}://{request.url.netloc}"
        try:
            operation, parameters = _read(await request.body(), settings)
            body, status = _answer(operation, parameters, settings, places, base), 200
        except RefusedError as error:
            body, status = FAULT.format(code=error.code, reason=escape(str(error))), 400
        return Response(ENVELOPE.format(body), status, media_type="application/soap+xml")

    app.add_api_route(PATH, answer, methods=["POST"])


def _read(body: bytes, settings: SimulatorSettings) -> tuple[str, Mapping[str, str]]:
    """The operation and its parameters; raises RefusedError without the right login."""
    try:
        envelope = ElementTree.fromstring(body, forbid_dtd=True)
        operation = next(iter(envelope.find(f"{{{SOAP}}}Body")))
    except (defusedxml.DefusedXmlException, ElementTree.ParseError, TypeError, StopIteration) as error:
        raise RefusedError("WellFormed", "this is no SOAP request") from error
    name = operation.tag.rpartition("}")[2]
    if settings.onvif_user and name not in OPEN:
        _check_login(envelope, settings)
    return name, {each.tag.rpartition("}")[2]: each.text or "" for each in operation.iter()}


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
    operation: str, parameters: Mapping[str, str], settings: SimulatorSettings, places: Sequence[str], base: str
) -> str:
    match operation:
        case "GetSystemDateAndTime":
            return _date(datetime.now(UTC))
        case "GetCapabilities":
            inner = f"<tt:Media><tt:XAddr>{base}{PATH}</tt:XAddr><tt:StreamingCapabilities/></tt:Media>"
            return f"<tds:GetCapabilitiesResponse><tds:Capabilities>{inner}</tds:Capabilities></tds:GetCapabilitiesResponse>"
        case "GetDeviceInformation":
            values = {"Manufacturer": "Davy", "Model": MODEL, "FirmwareVersion": "1", "SerialNumber": "1", "HardwareId": "1"}
            inner = "".join(f"<tds:{name}>{value}</tds:{name}>" for name, value in values.items())
            return f"<tds:GetDeviceInformationResponse>{inner}</tds:GetDeviceInformationResponse>"
        case "GetProfiles":
            facts = settings.model_dump(include={"width", "height", "fps", "quality"})
            inner = "".join(PROFILE.format(name=place, **facts) for place in places)
            return f"<trt:GetProfilesResponse>{inner}</trt:GetProfilesResponse>"
        case "GetStreamUri" | "GetSnapshotUri":
            place = parameters.get("ProfileToken", "")
            if place not in places:
                raise RefusedError("NoProfile", "there is no such profile")
            uri = f"{base}/{place}.{'mjpeg' if operation == 'GetStreamUri' else 'jpg'}"
            return _uri(operation, uri)
    raise RefusedError("ActionNotSupported", "this device does not do that")


def _uri(operation: str, uri: str) -> str:
    inner = f"<tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
    inner += "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout>"
    return f"<trt:{operation}Response><trt:MediaUri>{inner}</trt:MediaUri></trt:{operation}Response>"


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
        scopes = [
            Scope(f"onvif://www.onvif.org/{each}") for each in ("Profile/Streaming", "name/Davy", "hardware/Simulated%20mine")
        ]
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
