import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from davy.adapters.http.browser_boundary import BrowserBoundary


async def answer(_request):
    return PlainTextResponse("yes")


@pytest.fixture
async def client():
    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    app.add_middleware(BrowserBoundary, hosts=["davy.mine"], origins=["https://portal.mine"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://davy.mine:8080") as found:
        yield found


@pytest.mark.parametrize(
    "host", ["davy.mine", "DAVY.mine:8080", "127.0.0.1:8080", "[::1]:8080", "localhost", "aggregator:8080", "10.1.2.3", ""]
)
async def test_its_own_names_and_addresses_pass(client, host):
    assert (await client.get("/", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "[::1", "mine.local."])
async def test_a_name_that_somebody_else_gave_it_is_refused(client, host):
    refused = await client.get("/", headers={"Host": host})
    assert refused.status_code == 421 and "is not a name of this service" in refused.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://davy.mine:8080"},  # another scheme
        {"Origin": "http://davy.mine"},  # another port
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://davy.mine:8081"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},  # a form of another page
    ],
)
async def test_a_change_for_a_page_of_another_origin_is_refused(client, headers):
    assert (await client.post("/", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://davy.mine:8080"}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "https://portal.mine"}],
)
async def test_programs_its_own_pages_and_listed_origins_may_change(client, headers):
    assert (await client.post("/", headers=headers)).status_code == 200


async def test_another_page_may_link_to_it_and_neither_embed_nor_read_it(client):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert (await client.get("/", headers=link)).status_code == 200
    for sent in ({"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, {"Sec-Fetch-Dest": "embed"}):
        assert (await client.get("/", headers={**link, **sent})).status_code == 403


async def test_every_answer_carries_the_headers_that_browsers_obey(client):
    headers = (await client.get("/")).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    allowed = await client.get("/", headers={"Origin": "https://portal.mine"})
    assert allowed.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
