"""The simulated mine as an ONVIF device, by messages as they are on the wire. tests/adapters/onvif has a real client."""

import asyncio
import socket

import httpx
import pytest
from tests.fixtures.onvif_devices import BOMB, free_udp_port
from wsdiscovery.actions import constructProbe
from wsdiscovery.message import createSOAPMessage, parseSOAPMessage
from wsdiscovery.qname import QName

from davy_simulator.app import serve
from davy_simulator.onvif import GROUP, PATH, SOAP
from davy_simulator.settings import SimulatorSettings

ASK = f'<s:Envelope xmlns:s="{SOAP}"><s:Body><x:{{}} xmlns:x="urn:x"/></s:Body></s:Envelope>'


@pytest.fixture
async def mine():
    """A served mine with a login; yields its settings and its HTTP port."""
    settings = SimulatorSettings(
        port=0, warm=False, width=64, height=48, onvif=True, onvif_port=free_udp_port(), onvif_user="admin"
    )
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(settings, ready.set_result))
    yield settings, await asyncio.wait_for(ready, 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_answers_a_search_for_video_transmitters_alone(mine):
    settings, port = mine
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sender.bind(("127.0.0.1", 0))
        sender.setblocking(False)
        loop = asyncio.get_running_loop()
        video = constructProbe([QName("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter", "dn")], [])
        for each in (b"nothing", BOMB.encode(), _printer(), createSOAPMessage(video).encode()):
            await loop.sock_sendto(sender, each, (GROUP, settings.onvif_port))
        answer = parseSOAPMessage(await asyncio.wait_for(loop.sock_recv(sender, 65_535), 5), "127.0.0.1")
    assert answer.getRelatesTo() == video.getMessageId()
    assert answer.getProbeResolveMatches()[0].getXAddrs() == [f"http://127.0.0.1:{port}{PATH}"]


def _printer() -> bytes:
    return createSOAPMessage(constructProbe([QName("urn:printers", "Printer", "p")], [])).encode()


async def test_it_tells_its_clock_to_anybody_and_its_profiles_to_its_user(mine):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{mine[1]}") as client:
        clock, profiles, other, bomb = [
            await client.post(PATH, content=body)
            for body in (ASK.format("GetSystemDateAndTime"), ASK.format("GetProfiles"), "<a/>", BOMB)
        ]
    assert (clock.status_code, "UTCDateTime" in clock.text) == (200, True)
    assert (profiles.status_code, "ter:NotAuthorized" in profiles.text) == (400, True)
    assert [each.status_code for each in (other, bomb)] == [400, 400]
