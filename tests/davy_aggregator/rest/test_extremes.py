"""Values at the edge of what a parameter can say, in every parameter of every GET resource."""

import asyncio
from urllib.parse import quote

import pytest
from tests.davy_aggregator.rest.test_events import report

pytestmark = pytest.mark.system

EXTREMES = (
    "",
    "0",
    "-1",
    "1e308",
    "nan",
    "inf",
    str(2**63),
    "9" * 18,
    "9" * 400,
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    "1600-02-29T00:00:00Z",
    "²",
    "\x00",
    "a" * 4000,
    "../../etc/passwd",
    "💣",
)


async def resources(aggregator):
    paths = (await aggregator.get("/openapi.json")).json()["paths"]
    for path, methods in paths.items():
        if "get" in methods and not path.endswith(("/stream", "/live.mjpeg")):  # endless answers
            yield path, methods["get"].get("parameters", [])


@pytest.mark.slow  # 30 s; the fuzz of every route stays
async def test_a36_no_value_of_a_parameter_ends_in_an_internal_error(aggregator):
    asked = []
    async for path, parameters in resources(aggregator):
        for parameter in parameters:
            for value in EXTREMES:
                place, name = parameter["in"], parameter["name"]
                query = {name: value} if place == "query" else {}
                filled = path.replace(f"{{{name}}}", quote(value, safe="") or "-") if place == "path" else path
                headers = {name: value} if place == "header" and value.isascii() and value.isprintable() else {}
                asked.append((filled.replace("{", "").replace("}", ""), query, headers))
    assert len(asked) > 200
    gate = asyncio.Semaphore(8)

    async def ask(path, query, headers):
        async with gate:
            return (await aggregator.get(path, params=query, headers=headers)).status_code, path, query

    answers = await asyncio.gather(*(ask(*each) for each in asked))
    assert [answer for answer in answers if answer[0] >= 500 and answer[0] != 503] == []


@pytest.mark.parametrize("position", ["²", "9" * 30, "-1", "x"])
async def test_a36_an_event_stream_whose_position_is_no_number_begins_with_new_events(aggregator, position):
    headers = {"Last-Event-ID": position.encode("latin-1")}
    async with asyncio.timeout(3), aggregator.client.stream("GET", "/v1/events/stream", headers=headers) as answer:
        assert answer.status_code == 200
        await asyncio.sleep(0.1)  # it has asked the archive
        await report(aggregator, {"kind": "person"})
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                return
    raise AssertionError("the stream ended")


async def test_a_rule_of_retirement_takes_no_endless_days(aggregator):
    answer = await aggregator.client.delete("/v1/models", params={"keep": 1, "days": 1e12, "dry_run": True})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("since", "count"), [("9999-12-31T23:59:59Z", 0), ("1600-01-01T00:00:00Z", 1), ("0001-01-01T00:00:00+14:00", 1)]
)
async def test_a_moment_that_no_clock_counts_finds_what_lies_on_its_side(aggregator, since, count):
    await report(aggregator, {"kind": "person"})
    found = (await aggregator.get("/v1/events", params={"since": since})).json()["events"]
    assert len(found) == count
