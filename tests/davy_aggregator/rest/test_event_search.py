import csv
import io
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.davy_aggregator.conftest import PICTURE, make_settings, make_site, running
from tests.davy_aggregator.rest.test_events import report

from davy.adapters.media import jpeg
from davy.domain.event import Mark
from davy_aggregator.rest.marks import draw_marks
from davy_aggregator.rest.schemas import utc

pytestmark = pytest.mark.system

EVENTS = (
    {"kind": "motion", "severity": 1, "camera": "face", "message": "motion in view"},
    {"kind": "person", "severity": 1, "camera": "face", "message": "a Person is in view"},
    {"kind": "lens-dirty", "severity": 2, "camera": "belt", "message": "50% of its sharpness"},
    {"kind": "roof-fall", "severity": 3, "camera": "belt", "message": "=HYPERLINK(1)"},
)


async def kinds(aggregator, **query):
    return [each["kind"] for each in (await aggregator.get("/v1/events", params=query)).json()["events"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"text": "person"}, ["person"]),
        ({"text": "ROOF"}, ["roof-fall"]),
        ({"text": "50%"}, ["lens-dirty"]),
        ({"text": "_"}, []),
        ({"exclude": ["motion", "person"]}, ["roof-fall", "lens-dirty"]),
        ({"severity": "warning", "camera": "north.belt"}, ["roof-fall", "lens-dirty"]),
        ({"kind": "motion", "exclude": "motion"}, []),
    ],
)
async def test_events_are_searched_on_the_server(aggregator, query, found):
    await report(aggregator, *EVENTS)
    assert await kinds(aggregator, **query) == found


async def test_a_search_is_paged_without_gap_or_repetition(aggregator):
    await report(aggregator, *EVENTS * 10)
    found, cursor = [], None
    while True:
        query = {"text": "in view", "limit": 7} | ({"cursor": cursor} if cursor else {})
        page = (await aggregator.get("/v1/events", params=query)).json()
        found += [each["id"] for each in page["events"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 20
    assert found == sorted(found, reverse=True)


async def test_everything_that_matches_is_exported(aggregator):
    await report(aggregator, *EVENTS * 300)
    answer = await aggregator.get("/v1/events/export.csv", params={"severity": "warning"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "events.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 600
    assert {row["kind"] for row in rows} == {"roof-fall", "lens-dirty"}
    assert rows[0]["message"] == "'=HYPERLINK(1)"  # a spreadsheet computes nothing
    exported = (await aggregator.get("/v1/events/export.json", params={"kind": "motion"})).json()
    assert len(exported) == 300
    assert (await aggregator.get("/v1/events/export.json", params={"kind": "none"})).json() == []


@pytest.mark.parametrize("name", ["since", "until"])
async def test_a_date_of_any_year_is_answered(tmp_path, name):
    async with running(make_settings(tmp_path), make_site()) as aggregator:
        await report(aggregator, EVENTS[0])
        asked: list[str] = []

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(
            st.one_of(
                st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
                st.from_regex(
                    r"-?[0-9]{1,6}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2}))?",
                    fullmatch=True,
                ),
                st.integers().map(str),
            )
        )
        def collect(text):
            asked.append(text)

        collect()
        for text in asked:
            for path in ("/v1/events", "/v1/alarms/history"):
                answer = await aggregator.get(path, params={name: text})
                assert answer.status_code in (200, 422), (path, text, answer.text)


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_time_of_any_year_is_written(time_ns):
    written = utc(time_ns)
    assert written.endswith("Z")
    assert abs((datetime.fromisoformat(written) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() - time_ns / 1e9) < 0.01


def test_what_was_found_is_drawn_into_the_picture():
    ground = np.full((180, 320, 3), 128, np.uint8)
    marked = jpeg.decode(draw_marks(jpeg.encode(ground), [Mark(0.25, 0.25, 0.5, 0.5, "person", 0.9)]))
    changed = np.abs(marked.astype(int) - 128).max(2) > 40
    assert changed[45, 100:200].mean() > 0.9  # the upper side of the box
    assert changed[70:110, 110:210].mean() < 0.05  # its inside
    assert not changed[:20, :20].any()


def test_a_picture_that_cannot_be_read_is_sent_as_it_is():
    assert draw_marks(PICTURE[:40], [Mark(0, 0, 1, 1)]) == PICTURE[:40]
