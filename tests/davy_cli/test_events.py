"""`davy events` against a real aggregator."""

import asyncio
import json
import os
import sys

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.davy_aggregator.rest.test_events import report
from typer.testing import CliRunner

from davy_cli import events

pytestmark = pytest.mark.system

PERSON = {"kind": "person", "camera": "belt", "message": "a person\x1b[2J"}
BLOCKED = {"kind": "lens-blocked", "severity": 3, "camera": "face", "message": "dark"}


@pytest.fixture
async def aggregator(tmp_path):
    async with running(make_settings(tmp_path), make_site()) as found:
        await report(found, PERSON, BLOCKED)
        yield found


async def listed(*words):
    result = await asyncio.to_thread(CliRunner().invoke, events.app, ["list", *words])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


async def test_events_are_listed_newest_first(aggregator):
    lines = await listed("--console", aggregator.http)
    assert [line.split()[3] for line in lines if "north." in line] == ["lens-blocked", "person"]
    assert "\x1b" not in "".join(lines)  # a stranger's text does not steer the terminal
    (found,) = await listed("--console", aggregator.http, "--camera", "north.face", "--severity", "alarm", "--json")
    assert json.loads(found)["message"] == "dark"
    assert not await listed("--console", aggregator.http, "--since", "2100-01-01")


async def test_events_are_followed_from_an_id_on(aggregator):
    words = ["-m", "davy", "events", "follow", "--console", aggregator.http, "--after", "0", "--severity", "alarm", "--json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE, env=os.environ | {"DAVY_TOKEN": ""}
    )
    try:
        async with asyncio.timeout(30):
            assert json.loads(await process.stdout.readline())["kind"] == "lens-blocked"
    finally:
        process.terminate()
        await process.wait()
