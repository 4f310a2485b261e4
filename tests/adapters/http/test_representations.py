import gzip

import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse

from davy.adapters.http.problems import install_problem_handlers
from davy.adapters.http.representations import install_representations, matches

TEXT = "dark " * 1000


@pytest.fixture
async def client():
    app = FastAPI()
    install_problem_handlers(app)
    install_representations(app)

    @app.get("/text")
    def text() -> Response:
        return Response(TEXT, media_type="text/plain", headers={"ETag": '"t1"', "Cache-Control": "no-cache", "X-Other": "1"})

    @app.get("/versioned")
    def versioned() -> Response:
        return Response("{}", media_type="application/json", headers={"ETag": '"t1"'})

    @app.get("/{kind}/{subtype}")
    def stream(kind: str, subtype: str) -> StreamingResponse:
        return StreamingResponse(iter([TEXT.encode()] * 2), media_type=f"{kind}/{subtype}")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a") as client:
        yield client


async def test_text_is_compressed_for_a_client_that_takes_it(client):
    async with client.stream("GET", "/text") as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert gzip.decompress(raw).decode() == TEXT
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert answer.headers["etag"] == 'W/"t1"'  # other bytes than the plain ones
    plain = await client.get("/text", headers={"Accept-Encoding": "identity"})
    assert (plain.text, plain.headers["etag"], "content-encoding" in plain.headers) == (TEXT, '"t1"', False)


@pytest.mark.parametrize("kind", ["image/jpeg", "application/zip", "text/event-stream", "multipart/x-mixed-replace"])
async def test_what_does_not_shrink_or_must_not_wait_is_not_compressed(client, kind):
    assert "content-encoding" not in (await client.get(f"/{kind}")).headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("tag", ['"t1"', 'W/"t1"', '"t0", "t1"', "*"])
async def test_a_known_representation_is_not_sent_again(client, method, tag):
    answer = await client.request(method, "/text", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"t1"')
    assert "x-other" not in answer.headers
    assert "content-length" not in answer.headers


async def test_a_changed_representation_is_sent(client):
    assert (await client.get("/text", headers={"If-None-Match": '"t0"'})).text == TEXT


async def test_the_version_of_a_part_does_not_stand_for_the_whole(client):
    assert (await client.get("/versioned", headers={"If-None-Match": '"t1"'})).status_code == 200


def test_no_tag_matches_nothing():
    assert not matches("*", "")
