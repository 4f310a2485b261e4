import asyncio
import json
import shutil
import struct
import time
from contextlib import asynccontextmanager

import pytest
import websockets
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import PICTURE, RAW, envelope, make_settings, make_site, picture, push, running, until

from davy.adapters.media import jpeg
from davy.v1 import ingest_pb2
from davy.v1.ingest_pb2 import PushFramesRequest

pytestmark = pytest.mark.system

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
]
CAMERAS = ["north/face", "north/belt", "south/gate", "south/pump"]

# --- the stream -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def viewer(aggregator, **options):
    url = aggregator.http.replace("http", "ws") + "/v1/console"
    async with websockets.connect(url, max_size=None, **options) as socket:
        yield socket


async def next_picture(socket, timeout_s=1.0):
    async with asyncio.timeout(timeout_s):
        while True:
            message = await socket.recv()
            if isinstance(message, bytes):
                (length,) = struct.unpack(">I", message[:4])
                head = json.loads(message[4 : 4 + length])
                body = message[4 + length :]
                return head, body[: head["enhanced_bytes"]], body[head["enhanced_bytes"] :]


async def show(socket, **tiles):
    """Ask for tiles by camera; `_` stands for the point of an id."""
    cameras = {name.replace("_", "."): tile for name, tile in tiles.items()}
    await socket.send(json.dumps({"type": "show", "cameras": cameras}))


async def test_a_split_tile_gets_both_pictures_of_one_instant(aggregator):
    async with viewer(aggregator) as socket:
        await show(socket, north_face={"kind": "split"})
        await push(aggregator, envelope(7))
        head, enhanced, raw = await next_picture(socket)
        assert (head["id"], head["seq"]) == ("north.face", 7)
        assert (enhanced, raw) == (PICTURE, RAW)
        assert head["age_ms"] < 500


@pytest.mark.parametrize(("kind", "expected"), [("enhanced", (PICTURE, b"")), ("raw", (b"", RAW))])
async def test_a_tile_gets_the_picture_that_it_shows(aggregator, kind, expected):
    async with viewer(aggregator) as socket:
        await show(socket, north_face={"kind": kind})
        await push(aggregator, envelope(1))
        assert (await next_picture(socket))[1:] == expected


async def test_an_edge_that_sends_no_raw_pictures_is_shown_enhanced(aggregator):
    async with viewer(aggregator) as socket:
        await show(socket, north_face={"kind": "raw"})
        await push(aggregator, envelope(1, raw_jpeg=b""))
        assert (await next_picture(socket))[1:] == (PICTURE, b"")


async def test_a_small_tile_gets_a_small_picture(aggregator):
    large = picture(size=(1280, 720))
    async with viewer(aggregator) as socket:
        await show(socket, north_face={"width": 230})
        await push(aggregator, envelope(1, jpeg=large, width=1280, height=720))
        _, enhanced, _ = await next_picture(socket)
    assert jpeg.size_of(enhanced) == (240, 136)
    assert len(enhanced) < len(large) / 5


async def test_two_windows_share_one_scaled_picture(aggregator):
    async with viewer(aggregator) as first, viewer(aggregator) as second:
        for socket in (first, second):
            await show(socket, north_face={"width": 150})
        await push(aggregator, envelope(1))
        assert (await next_picture(first))[1] == (await next_picture(second))[1]
    counted = {
        result: aggregator.registry.get_sample_value("davy_aggregator_tiles_total", {"result": result})
        for result in ("scaled", "shared")
    }
    assert counted == {"scaled": 1, "shared": 1}


async def test_a_window_gets_nothing_before_it_shows_something(aggregator):
    async with viewer(aggregator) as socket:
        await push(aggregator, envelope(1))
        with pytest.raises(TimeoutError):
            await next_picture(socket, 0.3)
        await show(socket, north_face={})
        assert (await next_picture(socket))[0]["seq"] == 1


async def test_a_page_that_draws_slowly_gets_fewer_frames_and_the_newest(aggregator):
    async with viewer(aggregator) as socket:
        await show(socket, north_face={})
        await push(aggregator, envelope(1))
        seqs = [(await next_picture(socket))[0]["seq"]]
        for seq in range(2, 30):
            await push(aggregator, envelope(seq))
        seqs.append((await next_picture(socket))[0]["seq"])
        with pytest.raises(TimeoutError):
            await next_picture(socket, 0.2)
        await push(aggregator, envelope(30))
        await socket.send(json.dumps({"type": "ack", "id": "north.face", "seq": seqs[0]}))
        assert (await next_picture(socket))[0]["seq"] == 30


async def test_a_tile_gets_at_most_the_rate_that_it_asks_for(aggregator):
    async with viewer(aggregator) as socket:
        await show(socket, north_face={"fps": 2})
        await push(aggregator, envelope(1))
        await next_picture(socket)
        await push(aggregator, envelope(2))
        with pytest.raises(TimeoutError):
            await next_picture(socket, 0.15)
        assert (await next_picture(socket))[0]["seq"] == 2


async def test_a_page_gets_the_cameras_that_it_asks_for(aggregator):
    async with viewer(aggregator) as socket:
        await show(socket, north_belt={})
        await asyncio.sleep(0.1)
        await push(aggregator, envelope(1), envelope(1, "north/belt"))
        head, _, _ = await next_picture(socket)
        assert head["id"] == "north.belt"


async def test_a_camera_that_the_site_has_no_more_is_left_out(aggregator):
    async with viewer(aggregator) as socket:
        await show(socket, gone_camera={}, north_face={})
        await push(aggregator, envelope(1))
        assert (await next_picture(socket))[0]["id"] == "north.face"


async def next_event(socket):
    async with asyncio.timeout(2):
        while True:
            message = await socket.recv()
            if isinstance(message, str) and (found := json.loads(message))["type"] == "event":
                return found["event"]


async def report(aggregator, seq):
    event = ingest_pb2.Event(
        site="mine",
        edge="north",
        boot_id="b1",
        seq=seq,
        occurred_ns=time.time_ns(),
        severity=2,
        kind="dark",
        message=f"event {seq}",
    )
    _ = [ack async for ack in aggregator.ingest.ReportEvents(iter([ingest_pb2.ReportEventsRequest(event=event)]))]


async def test_a_window_gets_events_over_the_same_connection_and_after_a_reconnect_without_a_gap(aggregator):
    async with viewer(aggregator) as socket:
        await socket.send(json.dumps({"type": "events", "after": None}))
        await asyncio.sleep(0.1)
        await report(aggregator, 1)
        first = await next_event(socket)
        assert (first["message"], first["kind"]) == ("event 1", "dark")
    await report(aggregator, 2)
    async with viewer(aggregator) as socket:
        await socket.send(json.dumps({"type": "events", "after": first["id"]}))
        assert (await next_event(socket))["message"] == "event 2"


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        '{"type": "other"}',
        '{"type": "show", "cameras": 3}',
        '{"type": "show", "cameras": {"north.face": {"fps": -1}}}',
        '{"type": "ack", "id": "north.face"}',
        '{"type": "events", "after": "x"}',
    ],
)
async def test_an_invalid_message_closes_the_socket_with_a_reason(aggregator, message):
    async with viewer(aggregator) as socket:
        await socket.send(message)
        with pytest.raises(websockets.ConnectionClosed) as caught:
            while True:
                await socket.recv()
        assert caught.value.rcvd.code == 1008
        assert "invalid message" in caught.value.rcvd.reason


async def test_a12_a_page_of_another_origin_is_refused(aggregator):
    with pytest.raises(websockets.InvalidStatus):
        async with viewer(aggregator, origin="http://evil.example"):
            pass


async def test_open_pages_are_bounded(tmp_path):
    async with (
        running(make_settings(tmp_path, max_streams=1), make_site()) as aggregator,
        viewer(aggregator),
        viewer(aggregator) as second,
    ):
        with pytest.raises(websockets.ConnectionClosed):
            await second.recv()


# --- the page ---------------------------------------------------------------------------------------------------------

browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@asynccontextmanager
async def opened(aggregator, width=1440, height=860):
    """The console in a real browser; the test fails if the page writes an error to its console."""
    from playwright.async_api import async_playwright

    errors = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await chromium.new_page(viewport={"width": width, "height": height})
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(aggregator.http)
        page.errors = errors
        yield page
        await chromium.close()


class Mine:
    """Cameras in which a disc wanders from left to right."""

    def __init__(self, aggregator):
        self.aggregator, self.cameras, self.seq = aggregator, set(CAMERAS), 0
        self.frames = [(picture(110, at=n / 10), picture(25, at=n / 10)) for n in range(10)]

    async def run(self):
        call = self.aggregator.ingest.PushFrames()
        await call.read()
        while True:
            self.seq += 1
            for camera in sorted(self.cameras):
                enhanced, raw = self.frames[(self.seq + CAMERAS.index(camera)) % 10]
                frame = envelope(self.seq, camera, jpeg=enhanced, raw_jpeg=raw)
                await call.write(PushFramesRequest(frame=frame))
                await call.read()
            await asyncio.sleep(0.1)


@pytest.fixture
async def mine(tmp_path):
    edges = {"north": {"cameras": {"face": {"source": "mine://face", "label": "Coal face"}, "belt": {"source": "mine://belt"}}}}
    edges["south"] = {"cameras": {"gate": {"source": "mine://gate"}, "pump": {"source": "mine://pump"}}}
    settings = make_settings(tmp_path, offline_after_s=4)
    async with running(settings, make_site(**edges)) as aggregator:
        found = Mine(aggregator)
        pouring = asyncio.create_task(found.run())
        yield found
        pouring.cancel()


async def observe(page, camera):
    """The canvas of a tile, as a string."""
    return await page.evaluate("id => document.querySelector(`[data-camera='${id}'] canvas`).toDataURL('image/png')", camera)


async def brightness(page, camera, x):
    """Mean brightness of a column of the canvas at x from 0 to 1."""
    return await page.evaluate(
        """([id, x]) => {
            const canvas = document.querySelector(`[data-camera='${id}'] canvas`);
            const data = canvas.getContext('2d').getImageData(Math.floor(x * (canvas.width - 1)), 0, 1, canvas.height).data;
            let sum = 0;
            for (let n = 0; n < data.length; n += 4) sum += data[n];
            return sum / (data.length / 4);
        }""",
        [camera, x],
    )


async def drawn(page, x, holds):
    """Wait until the canvas shows it: a page draws with the browser's next frame, not with the key."""

    async def shows():
        return holds(await brightness(page, "north.face", x))

    await until(shows)


async def four_are_live(page):
    await until(lambda: _count(page, ".tile[data-state=live]", 4), 15)


async def _moved(page, camera, old):
    return await observe(page, camera) != old


async def states(page):
    return await page.evaluate("[...document.querySelectorAll('.tile')].map(tile => tile.dataset.state)")


@browser
async def test_four_cameras_are_four_tiles_that_move(mine):
    async with opened(mine.aggregator) as page:
        await four_are_live(page)
        ids = ["north.face", "north.belt", "south.gate", "south.pump"]
        before = [await observe(page, camera) for camera in ids]
        for camera, old in zip(ids, before, strict=True):
            await until(lambda camera=camera, old=old: _moved(page, camera, old), 15)
        assert await page.inner_text("[data-camera='north.face'] h3") == "Coal face"
        assert await page.inner_text("#count-live") == "4"
        assert "ms" in await page.inner_text("[data-camera='north.face'] .age dd")
        boxes = await page.evaluate("[...document.querySelectorAll('.tile')].map(t => t.getBoundingClientRect().toJSON())")
        assert len({round(box["x"]) for box in boxes}) == 2
        assert all(box["bottom"] <= 860 for box in boxes)
        assert page.errors == []


@browser
async def test_the_divider_moves_by_pointer_and_by_key(mine):
    async with opened(mine.aggregator) as page:
        await page.wait_for_selector("[data-camera='north.face'][data-state=live]", timeout=15_000)
        await page.get_by_text("Split").click()
        divider = page.locator("[data-camera='north.face'] .divider")
        await drawn(page, 0.35, lambda mean: mean < 90)
        await drawn(page, 0.65, lambda mean: mean > 90)
        box = await page.locator("[data-camera='north.face'] .picture").bounding_box()
        await divider.hover()
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 50, steps=4)
        await page.mouse.up()
        assert abs(int(await divider.get_attribute("aria-valuenow")) - 20) <= 1
        await drawn(page, 0.35, lambda mean: mean > 90)
        await divider.focus()
        await page.keyboard.press("End")
        assert await divider.get_attribute("aria-valuenow") == "100"
        await drawn(page, 0.65, lambda mean: mean < 90)
        await page.keyboard.press("ArrowLeft")
        assert await divider.get_attribute("aria-valuenow") == "98"
        assert page.errors == []


@browser
async def test_an_old_picture_is_never_shown_as_live(mine):
    async with opened(mine.aggregator) as page:
        await four_are_live(page)
        mine.cameras.discard("south/pump")
        await page.wait_for_selector("[data-camera='south.pump'][data-state=stale]", timeout=5000)
        assert "old" in await page.inner_text("[data-camera='south.pump'] .veil")
        await page.wait_for_selector("[data-camera='south.pump'][data-state=offline]", timeout=8000)
        assert "last frame" in await page.inner_text("[data-camera='south.pump'] .veil")
        assert await states(page) == ["live", "live", "live", "offline"]
        mine.cameras.add("south/pump")
        await page.wait_for_selector("[data-camera='south.pump'][data-state=live]", timeout=5000)
        assert page.errors == []


@browser
async def test_one_camera_alone_and_back(mine):
    async with opened(mine.aggregator) as page:
        await four_are_live(page)
        width = (await page.locator("[data-camera='south.gate']").bounding_box())["width"]
        await page.locator("[data-camera='south.gate'] .open").click(position={"x": 20, "y": 20})
        assert await page.locator(".tile:visible").count() == 1
        assert (await page.locator("[data-camera='south.gate']").bounding_box())["width"] > 1.5 * width
        await asyncio.sleep(2)
        assert await page.inner_text("#count-live") == "4"  # the others are not sent, and still known
        await page.keyboard.press("Escape")
        await until(lambda: _count(page, ".tile:visible", 4))
        await four_are_live(page)
        assert page.errors == []


async def _count(page, selector, count):
    return await page.locator(selector).count() == count


@browser
async def test_the_page_shows_a_lost_aggregator_and_reconnects(tmp_path):
    settings, site = make_settings(tmp_path, port=pick_port()), make_site()
    async with running(settings, site) as aggregator:
        page_of = opened(aggregator)
        page = await page_of.__aenter__()
        await until(lambda: _shows(page, aggregator), 15)
    try:
        await until(lambda: page.is_visible("#banner"))
        assert "not live" in await page.inner_text("#banner")
        await until(lambda: _count(page, ".tile[data-state=live]", 0))
        async with running(settings, site) as again:
            await until(lambda: page.is_hidden("#banner"), 10)
            await until(lambda: _shows(page, again), 10)
    finally:
        await page_of.__aexit__(None, None, None)


async def _shows(page, aggregator):
    await push(aggregator, envelope(time.time_ns()))
    return await page.locator(".tile[data-state=live]").count() == 1
