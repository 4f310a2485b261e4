"""The methods, validators and encodings of the aggregator's interface, by RFC 9110."""

import pytest
from tests.davy_aggregator.conftest import PICTURE, envelope, push
from tests.davy_aggregator.rest.test_events import report
from tests.security.closed import closed_mine

pytestmark = pytest.mark.system


async def test_every_get_answers_head_with_the_same_header(aggregator):
    await push(aggregator, envelope(1))
    paths = [path for path, item in (await aggregator.get("/openapi.json")).json()["paths"].items() if "get" in item]
    paths = [path for path in paths if "{" not in path]
    for path in [*paths, "/v1/cameras/north.face/live.mjpeg", "/", "/static/console.js", "/metrics"]:
        head = await aggregator.client.head(path, headers={"Accept-Encoding": "identity"})
        async with aggregator.client.stream("GET", path, headers={"Accept-Encoding": "identity"}) as answer:
            assert (head.status_code, head.headers.get("content-type")) == (
                answer.status_code,
                answer.headers.get("content-type"),
            ), path
        assert head.content == b"", path
    latest = await aggregator.client.head("/v1/cameras/north.face/latest.jpg")
    assert (latest.headers["content-length"], latest.headers["content-type"]) == (str(len(PICTURE)), "image/jpeg")


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/cameras", "GET, HEAD, OPTIONS"),
        ("/v1/edges/north/config", "GET, HEAD, OPTIONS, PUT"),
        ("/v1/alarms/spool-full:north/shelve", "OPTIONS, POST"),
        ("/", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_path_says_which_methods_it_takes(aggregator, path, allow):
    options = await aggregator.client.options(path)
    assert (options.status_code, options.headers["allow"], options.content) == (204, allow, b"")
    refused = await aggregator.client.patch(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, allow)
    assert (await aggregator.client.options("/v1/nothing")).status_code == 404


async def test_a_closed_aggregator_tells_its_methods_to_nobody(tmp_path):
    async with closed_mine(tmp_path) as mine:
        assert (await mine.aggregator.client.options("/v1/cameras")).status_code == 401
        assert (await mine.aggregator.client.options("/v1/cameras", headers=mine.headers("viewer"))).status_code == 204


async def test_json_is_compressed_and_pictures_are_not(aggregator):
    await push(aggregator, envelope(1))
    assert (await aggregator.get("/v1/cameras")).headers["content-encoding"] == "gzip"
    assert (await aggregator.get("/openapi.json")).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in (await aggregator.get("/v1/cameras/north.face/latest.jpg")).headers
    async with aggregator.client.stream("GET", "/v1/events/stream") as events:
        assert "content-encoding" not in events.headers


@pytest.mark.parametrize("path", ["/", "/static/console.js", "/web/words.js", "/docs", "/v1/cameras/north.face/latest.jpg"])
async def test_what_a_browser_has_is_not_sent_again(aggregator, path):
    await push(aggregator, envelope(1))
    first = await aggregator.get(path)
    again = await aggregator.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "content-security-policy" not in again.headers, "a browser would put it in the place of the page's own"


async def test_the_keyframe_of_an_event_has_a_validator(aggregator):
    await report(aggregator, {"kind": "person", "keyframe_jpeg": PICTURE})
    (event,) = (await aggregator.get("/v1/events")).json()["events"]
    first, marked = [await aggregator.get(event["keyframe"] + query) for query in ("", "?marked=true")]
    assert first.headers["etag"] != marked.headers["etag"]
    again = await aggregator.get(event["keyframe"], headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
