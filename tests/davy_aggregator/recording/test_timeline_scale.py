"""The timeline of 40 cameras and 30 days: 10.4 million segments, through the real program over HTTP. Needs 4 GB of disk."""

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import NOBODY, until
from tests.faults.programs import program
from tests.fixtures.chromium import chromium, needs_chromium
from tests.fixtures.video import VideoSource

from davy.adapters.recording.recorder import Recorder
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.recording_store import RecordingStore
from davy.domain.camera import CameraAddress
from davy.domain.recording import SEGMENT_S, Segment
from davy.domain.secret_url import SecretUrl
from davy.site import SiteConfig

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.system, pytest.mark.timeout(900)]
S = 1_000_000_000
CAMERAS, DAYS, GAPS_PER_DAY, VIDEO_S = 40, 30, 20, 120
FIRST = CameraAddress("mine", "north", "c00")
SHOWN = "['img', 'video'].some((name) => { const found = document.querySelector(`.player ${name}`);"
SHOWN += " return found && !found.hidden && (found.naturalWidth > 0 || found.readyState >= 2); })"
ROWS = """
with recursive slot(n) as (select 0 union all select n + 1 from slot where n + 1 < ?)
insert into recording_segment(camera, variant, boot_id, first_seq, last_seq, start_ns, end_ns, bytes, sha256, model, strength)
select ?, 'enhanced', 'boot-1', n * 100 + 1, n * 100 + 100, ? + n * 10000000000, ? + n * 10000000000 + 10000000000,
       2500000, printf('%064x', n), 'ispcnn-01234567', 1.0 from slot
"""


def index(data: Path, start_ns: int) -> None:
    """Write the rows that 30 days leave; a day has 20 short gaps."""
    database = open_database(data, SecretUrl(""))
    database.close()
    count, step = DAYS * 86_400 // SEGMENT_S, 86_400 * S // GAPS_PER_DAY
    with closing(sqlite3.connect(data / "davy.db", isolation_level=None)) as connection:
        for statement in ("pragma synchronous=off", "pragma journal_mode=off", "pragma cache_size=-400000"):
            connection.execute(statement)
        for number in range(CAMERAS):
            camera = f"north.c{number:02}"
            connection.execute("begin")
            connection.execute(ROWS, (count, camera, start_ns, start_ns))
            spans = [(camera, start_ns + n * step, start_ns + (n + 1) * step - 5 * S) for n in range(DAYS * GAPS_PER_DAY)]
            insert = "insert into recording_span(camera, variant, start_ns, end_ns) values (?, 'enhanced', ?, ?)"
            connection.executemany(insert, spans)
            connection.execute("commit")
        connection.execute("pragma journal_mode=wal")


def record(data: Path, start_ns: int) -> None:
    """Record two minutes of real video, 720p at 10 pictures per second and 2 Mbit/s, over what the index has of one camera."""
    segments = list[Segment]()
    recorder, source = Recorder(data / "recordings", segments.append), VideoSource(FIRST, (1280, 720), boot="boot-2")
    for number in range(VIDEO_S * 10):
        recorder.write(source.next(start_ns + number * S // 10))
    recorder.close()
    database = open_database(data, SecretUrl(""))
    try:
        store = RecordingStore(database, "mine")
        store.remove(store.segments(FIRST.key, "enhanced", start_ns, start_ns + VIDEO_S * S))
        store.add(segments)
    finally:
        database.close()


def site(grpc_port: int) -> SiteConfig:
    cameras = {f"c{number:02}": {"source": "mine://face", "fps": 10, "record": {"days": DAYS + 1}} for number in range(CAMERAS)}
    endpoints = {"broker": f"mqtt://{NOBODY}", "cache": f"redis://{NOBODY}/0", "aggregator": f"grpc://127.0.0.1:{grpc_port}"}
    return SiteConfig.model_validate({"site": "mine", "edges": {"north": {"cameras": cameras}}, **endpoints})


async def first_picture_ms(client: httpx.AsyncClient, start_ns: int, at_ns: int) -> dict[str, float]:
    """What the page asks for until it has a picture, and when each answer was there."""
    began = time.perf_counter()
    found = {}

    async def ask(name: str, path: str, **params) -> None:
        answer = await client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        found[name] = (time.perf_counter() - began) * 1000

    start, end = (datetime.fromtimestamp(ns / S, UTC).isoformat() for ns in (start_ns, start_ns + DAYS * 86_400 * S))
    await ask("cameras", "/v1/cameras")
    await asyncio.gather(
        ask("timeline", "/v1/recordings", **{"from": start, "to": end}), ask("events", "/v1/events", since=start, until=end)
    )
    await ask("picture", f"/v1/cameras/{FIRST.key}/recording.jpg", at=datetime.fromtimestamp(at_ns / S, UTC).isoformat())
    first, last = (datetime.fromtimestamp(ns / S, UTC).isoformat() for ns in (at_ns - S, at_ns + 59 * S))
    await ask("video", f"/v1/cameras/{FIRST.key}/recording.mp4", **{"from": first, "to": last})
    return found


async def shown_ms(url: str, at_ns: int) -> float:
    """From the navigation to the first decoded picture, in Chromium whose cache has the page's own files."""
    at = datetime.fromtimestamp(at_ns / S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    address = f"{url}/timeline?camera={FIRST.key}&length=2592000&at={at}"
    async with chromium(viewport={"width": 1366, "height": 768}) as browser:
        page = await browser.new_page()
        await page.goto(address)
        await page.goto("about:blank")
        began = time.perf_counter()
        await page.goto(address, wait_until="commit")
        await until(partial(page.evaluate, SHOWN), 30)
        return (time.perf_counter() - began) * 1000


@needs_chromium
async def test_40_cameras_and_30_days_show_a_picture_within_500_ms(tmp_path, record_property):
    start_ns = time.time_ns() // (86_400 * S) * 86_400 * S - DAYS * 86_400 * S
    at_ns = start_ns + 15 * 86_400 * S + 3600 * S
    data, http, grpc = tmp_path / "aggregator", pick_port(), pick_port()
    data.mkdir()
    try:
        index(data, start_ns)
        record(data, at_ns)
        print(f"{(data / 'davy.db').stat().st_size / 1e9:.1f} GB of index")
        with program(tmp_path, site(grpc), "aggregator", "--port", str(http), "--grpc-port", str(grpc)):
            url = f"http://127.0.0.1:{http}"
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                await until(partial(answers, client), 120)
                found = [await first_picture_ms(client, start_ns, at_ns + n * 10 * S) for n in range(5)]
            shown = await shown_ms(url, at_ns + 30 * S)
        for each in found:
            print({name: round(ms) for name, ms in each.items()})
        print(f"Chromium: {shown:.0f} ms")
        assert max(each["picture"] for each in found) < 500
        assert shown < 1000  # Chromium's own start of a page is in it
    finally:
        shutil.rmtree(data)


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False
