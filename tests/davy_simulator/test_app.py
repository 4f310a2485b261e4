import asyncio

import httpx
import pytest

from davy.adapters.media import jpeg
from davy_simulator.app import serve
from davy_simulator.settings import SimulatorSettings

pytestmark = pytest.mark.system

SETTINGS = SimulatorSettings(warm=False, port=0, width=320, height=180, fps=15)


@pytest.fixture
async def address(mine):
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(SETTINGS, port.set_result, mine))
    yield f"http://127.0.0.1:{await port}"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def pictures(client, url, count):
    """The first JPEGs of an MJPEG stream, split as a network camera's client does it."""
    found, buffer = [], b""
    async with client.stream("GET", url) as response:
        assert response.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        async for data in response.aiter_raw():
            buffer += data
            while (end := buffer.find(b"\r\n--frame", 1)) > 0:
                part, buffer = buffer[:end], buffer[end + 2 :]
                head, _, body = part.partition(b"\r\n\r\n")
                assert b"Content-Type: image/jpeg" in head
                found.append(body)
            if len(found) >= count:
                return found
    return found


async def test_a_client_gets_moving_jpegs(address):
    async with httpx.AsyncClient(verify=False) as client:
        frames = await pictures(client, f"{address}/gallery.mjpeg", 3)
    assert all(jpeg.decode(frame).shape == (180, 320, 3) for frame in frames)
    assert frames[0] != frames[1]


async def test_several_clients_see_the_same_frames(address):
    async with httpx.AsyncClient(verify=False) as client:
        first, second = await asyncio.gather(*(pictures(client, f"{address}/face.mjpeg", 6) for _ in range(2)))
    assert set(first) & set(second)


async def test_a_snapshot_and_an_index_page_are_served(address):
    async with httpx.AsyncClient(verify=False) as client:
        snapshot = await client.get(f"{address}/conveyor.jpg")
        index = await client.get(f"{address}/")
    assert snapshot.headers["content-type"] == "image/jpeg"
    assert jpeg.decode(snapshot.content).shape == (180, 320, 3)
    assert "/junction.mjpeg" in index.text


async def test_an_unknown_camera_is_a_problem_that_names_those_there_are(address):
    async with httpx.AsyncClient(verify=False) as client:
        for kind in ("jpg", "mjpeg"):
            answer = await client.get(f"{address}/cellar.{kind}")
            assert answer.status_code == 404
            assert "gallery" in answer.json()["detail"]


async def test_the_camera_stops_rendering_when_the_last_client_has_gone(address, mine):
    import threading

    async with httpx.AsyncClient(verify=False) as client:
        await pictures(client, f"{address}/junction.mjpeg", 2)
    for _ in range(50):
        if not any(thread.name == "mine.junction" for thread in threading.enumerate()):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the thread of the camera still runs")
