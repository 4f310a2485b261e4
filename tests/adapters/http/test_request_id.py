import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from structlog.contextvars import merge_contextvars

from davy.access.request_id import current
from davy.adapters.http.request_id import RequestId


async def show_log_fields(request: Request) -> PlainTextResponse:  # Starlette passes it
    return PlainTextResponse(str(merge_contextvars(None, "info", {}).get("request_id", "")))


@pytest.fixture
def client():
    app = RequestId(Starlette(routes=[Route("/", show_log_fields)]))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_log_lines_and_the_answer_carry_the_caller_s_id(client):
    answer = await client.get("/", headers={"X-Request-Id": "order-66"})
    assert (answer.text, answer.headers["x-request-id"]) == ("order-66", "order-66")
    assert current() == "", "it ends with the request"


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "a\tb", "{json}"])
async def test_an_illegal_id_is_replaced_by_a_new_one(client, given):
    answer = await client.get("/", headers={"X-Request-Id": given})
    assert answer.text == answer.headers["x-request-id"]
    assert len(answer.text) == 32
