"""A9 to A13: a page of another site in the browser of somebody who may reach the mine."""

import shutil

import pytest
from tests.security.closed import closed_mine, closed_service
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

SERVICES = ["aggregator", "enhancer", "trainer"]
CHANGES = {
    "aggregator": ("PUT", "/v1/edges/north/config"),
    "enhancer": ("POST", "/v1/jobs?name=a.zip"),
    "trainer": ("POST", "/v1/training-runs"),
}
PAGES = {"aggregator": "/login", "enhancer": "/", "trainer": "/"}
FOREIGN = [
    "http://evil.example",
    "null",
    "http://127.0.0.1",
    "http://127.0.0.1:1@evil.example",
    "http://127.0.0.1.evil.example",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.system


@pytest.fixture(params=SERVICES)
async def service(request, tmp_path):
    """Name and client of each closed service, and an engineer's Authorization."""
    async with closed_mine(tmp_path) as mine, closed_service(request.param, mine, tmp_path) as client:
        yield request.param, client, mine.headers("engineer")
        assert (await client.get("/healthz")).status_code == 200
        await mine.unharmed()


async def test_a09_a_name_that_an_attacker_s_dns_points_here_is_answered_nothing(service):
    name, client, engineer = service
    rebound = {"Host": "evil.example", "Origin": "http://evil.example", **engineer}
    for method, path in (("GET", PAGES[name]), ("GET", "/healthz"), CHANGES[name]):
        assert (await client.request(method, path, headers=rebound)).status_code == 421, path


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
async def test_a09_a_browser_that_was_rebound_shows_nothing(tmp_path):
    from playwright.async_api import async_playwright

    async with closed_mine(tmp_path) as mine, async_playwright() as playwright:
        words = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP evil.example 127.0.0.1"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=words)
        page = await browser.new_page()
        port = mine.aggregator.http.rpartition(":")[2]
        answer = await page.goto(f"http://evil.example:{port}/login")
        assert answer is not None
        assert answer.status == 421
        fetched = await page.evaluate("fetch('/v1/site').then(answer => answer.status)")
        assert fetched == 421
        await browser.close()
        await mine.unharmed()


async def test_a10_a11_a_page_of_another_origin_changes_nothing(service):
    name, client, engineer = service
    method, path = CHANGES[name]
    own = str(client.base_url).rstrip("/")
    other_scheme = own.replace("http://", "https://")
    for sent in (*({"Origin": origin} for origin in (*FOREIGN, other_scheme)), {"Sec-Fetch-Site": "cross-site"}):
        text = {"Content-Type": "text/plain", **engineer, **sent}  # what a form may send without asking first
        answer = await client.request(method, path, headers=text, content=b"{}")
        assert (answer.status_code, "another origin" in answer.text) == (403, True), sent
        assert (await client.request("DELETE", "/v1/jobs/x1", headers={**engineer, **sent})).status_code == 403, sent
    answer = await client.request(method, path, headers={"Origin": own, **engineer}, content=b"{}")
    assert "another origin" not in answer.text


async def test_a12_no_page_of_another_origin_and_nobody_without_an_identity_opens_a_stream(tmp_path):
    async with closed_mine(tmp_path) as mine:
        console = mine.aggregator.http.replace("http", "ws") + "/v1/console"
        for headers in ({}, {"Origin": "http://evil.example", **mine.headers("viewer")}, {"Origin": "null"}):
            with pytest.raises(InvalidStatus) as refused:
                await connect(console, additional_headers=headers, proxy=None)
            assert refused.value.response.status_code == 403
        for sent in ({}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", **mine.headers("viewer")}):
            answer = await mine.aggregator.client.get("/v1/events/stream", headers=sent)
            assert answer.status_code in (401, 403)
        await mine.unharmed()


async def test_a13_every_answer_keeps_other_sites_from_framing_embedding_and_guessing(service):
    name, client, engineer = service
    for path in (PAGES[name], "/healthz", "/v1/nothing", "/static/console.js", "/openapi.json"):
        headers = (await client.get(path, headers=engineer)).headers
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy or "frame-ancestors 'self'" in policy, path
        assert "default-src" in policy, path
        assert "script-src 'unsafe-inline'" not in policy, path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", path
