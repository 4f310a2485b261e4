"""The search finds cameras on loopback, and survives devices that are hostile."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from tests.fixtures.edges import until
from tests.fixtures.onvif_devices import BOMB, GARBAGE, free_udp_port, hostile, http, simulator

from davy.adapters.onvif import CameraSearch, SearchRequest
from davy.adapters.onvif.discovery import read_answer
from davy.domain.errors import MissingExtraError
from davy.domain.network_camera import Login, NetworkCamera
from davy.domain.source import SourcePolicy

pytestmark = pytest.mark.system


async def search(port, **options):
    request = SearchRequest(port=port, probe_s=0.6, **options)
    return await asyncio.to_thread(CameraSearch(request).run)


async def test_a_search_finds_a_camera_with_its_profiles():
    port = free_udp_port()
    async with simulator(port, width=640, height=360, fps=12) as http_port:
        (camera,) = await search(port)
    assert (camera.address, camera.port, camera.name) == ("127.0.0.1", http_port, "Davy")
    assert (camera.manufacturer, camera.model, camera.reason) == ("Davy", "Simulated mine", "")
    gallery, face = camera.profiles
    assert (gallery.name, gallery.codec, gallery.width, gallery.height, gallery.fps) == ("gallery", "JPEG", 640, 360, 12)
    assert gallery.stream.get_secret_value() == f"http://127.0.0.1:{http_port}/gallery.mjpeg"
    assert face.snapshot.get_secret_value() == f"http://127.0.0.1:{http_port}/face.jpg"


async def test_a_login_opens_the_profiles_and_a_wrong_one_does_not():
    port = free_udp_port()
    async with simulator(port, onvif_user="admin", onvif_password="pit") as http_port:
        named = (NetworkCamera("127.0.0.1", http_port),)
        unknown, wrong, right = await asyncio.gather(
            search(port),
            search(port, cameras=named, login=Login("admin", "shaft")),
            search(port, cameras=named, login=Login("admin", "pit")),
        )
    assert [camera.reason for camera in unknown] == ["it asks for a user and a password"]
    assert [camera.reason for camera in wrong] == ["it rejects this user or password"]
    assert [(camera.login_needed, len(camera.profiles)) for camera in right] == [(False, 2)]


MEDIA2_PATH = "/onvif/media2_service"


@pytest.mark.parametrize("login", [{}, {"onvif_user": "admin", "onvif_password": "pit"}], ids=["open", "with a login"])
@pytest.mark.parametrize("media", [(1,), (2,)], ids=["Media 1 alone", "Media 2 alone"])
async def test_a_camera_of_either_media_service_tells_its_profiles(media, login):
    port = free_udp_port()
    async with simulator(port, onvif_media=media, fps=12, **login) as http_port:
        named = (NetworkCamera("127.0.0.1", http_port),)
        (camera,) = await search(port, cameras=named, login=Login(*login.values()))
    assert camera.reason == ""
    assert [(each.name, each.codec, each.width, each.height, each.fps) for each in camera.profiles] == [
        ("gallery", "JPEG", 1280, 720, 12),
        ("face", "JPEG", 1280, 720, 12),
    ]
    assert camera.profiles[0].stream.get_secret_value() == f"http://127.0.0.1:{http_port}/gallery.mjpeg"
    assert camera.profiles[1].snapshot.get_secret_value() == f"http://127.0.0.1:{http_port}/face.jpg"


async def test_media_2_is_asked_first_and_knows_h265():
    def retell(path, answer):
        return answer.replace(b"JPEG", b"H265") if path == MEDIA2_PATH else answer

    port = free_udp_port()
    async with simulator(port, retell=retell):
        (camera,) = await search(port)
    assert [each.codec for each in camera.profiles] == ["H265", "H265"]


EMPTY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:t="http://www.onvif.org/ver20/media/wsdl">'
    b"<s:Body><t:GetProfilesResponse/></s:Body></s:Envelope>"
)


@pytest.mark.parametrize("failing", [BOMB.encode(), GARBAGE.encode(), EMPTY, None], ids=["bomb", "garbage", "empty", "hangs"])
async def test_a_media_2_that_fails_leaves_the_camera_to_media_1(failing):
    port = free_udp_port()
    async with simulator(port, retell=lambda path, answer: failing if path == MEDIA2_PATH else answer):
        (camera,) = await search(port, camera_s=4)
    assert (camera.reason, len(camera.profiles)) == ("", 2)


async def test_a_media_2_that_fails_alone_is_the_reason():
    port = free_udp_port()
    async with simulator(port, onvif_media=(2,), retell=lambda path, body: b"<a/>" if path == MEDIA2_PATH else body):
        (camera,) = await search(port)
    assert (camera.reason, camera.profiles) == ("its answer is not ONVIF", ())


async def test_a_camera_without_get_services_is_asked_by_its_capabilities():
    def retell(path, answer):
        return GARBAGE.encode() if b"GetServicesResponse" in answer else answer

    port = free_udp_port()
    async with simulator(port, retell=retell):
        (camera,) = await search(port)
    assert (camera.reason, len(camera.profiles)) == ("", 2)


async def test_hostile_devices_end_with_a_reason_and_hide_no_other():
    port = free_udp_port()
    elsewhere = await asyncio.start_server(lambda *_: reached.append(1), "127.0.0.2", 0)
    reached: list[int] = []
    away = f"http://127.0.0.2:{elsewhere.sockets[0].getsockname()[1]}/"
    bodies = {
        "bomb": http(BOMB),
        "garbage": http(GARBAGE),
        "redirect": http("", f"307 Elsewhere\r\nLocation: {away}"),
        "hangs": b"",
        "no http": b"SSH-2.0-dropbear\r\n",
    }
    async with AsyncExitStack() as stack:
        good = await stack.enter_async_context(simulator(port))
        ports = {name: await stack.enter_async_context(hostile(port, body)) for name, body in bodies.items()}
        endless = await stack.enter_async_context(hostile(port, b"HTTP/1.1 200 OK\r\n\r\n<a>", forever=True))
        found = {camera.port: camera for camera in await search(port, camera_s=4)}
    elsewhere.close()
    assert set(found) == {good, endless, *ports.values()}
    assert len(found[good].profiles) == 2
    reasons = {name: found[each].reason for name, each in ports.items()}
    assert all(reasons.values()), reasons
    assert not any(found[each].profiles for each in ports.values())
    assert reasons["hangs"] == "it did not answer within 4 s"
    assert found[endless].reason
    assert reached == []


async def test_an_edge_asks_only_addresses_that_its_policy_allows():
    port = free_udp_port()
    async with simulator(port):
        (camera,) = await search(port, policy=SourcePolicy())
    assert camera.profiles == ()
    assert "sources.networks" in camera.reason


MATCH = """<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>
 <w:MessageID>urn:1</w:MessageID><w:RelatesTo>urn:probe</w:RelatesTo>
 <w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</w:Action></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch>
 <w:EndpointReference><w:Address>urn:2</w:Address></w:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>
 <d:Scopes>onvif://www.onvif.org/name/Face%0acamera</d:Scopes><d:XAddrs>http://169.254.169.254/x {own}</d:XAddrs>
 <d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"""


def test_only_the_address_that_answered_is_taken_from_an_answer():
    def read(own):
        return read_answer(MATCH.format(own=own).encode(), "10.0.0.5", {"urn:probe"})

    assert read("http://10.0.0.5:8899/onvif/device_service") == [NetworkCamera("10.0.0.5", 8899, name="Face camera")]
    assert read("https://10.0.0.5/") == [NetworkCamera("10.0.0.5", 443, True, name="Face camera")]
    assert read("") == [NetworkCamera("10.0.0.5", 80, name="Face camera")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GARBAGE.encode(),
        BOMB.encode(),
        MATCH.replace("urn:probe", "urn:somebody-elses").format(own="").encode(),
        MATCH.replace("<w:MessageID>urn:1</w:MessageID>", "").format(own="").encode(),
        MATCH.format(own="http://10.0.0.5:port/").encode(),
    ],
)
def test_a_datagram_that_is_no_answer_is_ignored(data):
    assert read_answer(data, "10.0.0.5", {"urn:probe"}) == []


async def test_a_cancelled_search_returns_nothing():
    running = CameraSearch(SearchRequest(port=free_udp_port(), probe_s=60))
    ended = asyncio.create_task(asyncio.to_thread(running.run))
    await until(lambda: running._process is not None)
    running.cancel()
    assert await asyncio.wait_for(ended, 5) == []


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onvif" else object())
    with pytest.raises(MissingExtraError, match=r"onvif-zeep-async.*\[onvif\]"):
        CameraSearch(SearchRequest())
