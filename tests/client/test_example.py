"""The example of the manual: its types hold, and it runs against a real aggregator."""

import asyncio
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.test_client import pushing
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.davy_aggregator.rest.test_events import report

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "use-the-client.md"


@pytest.fixture
def example(tmp_path):
    (text, *_) = re.findall(r"^```python\n(.+?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    path = tmp_path / "client_example.py"
    path.write_text(text, encoding="utf-8")
    return path


async def test_the_example_prints_a_site_and_answers_its_alarms(example, tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("client_example", example)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    async with running(make_settings(tmp_path), make_site()) as aggregator, pushing(aggregator), asyncio.timeout(20):
        await report(aggregator, {"kind": "roof-fall", "severity": 3, "camera": "face", "message": "rock moves"})

        async def stands():
            return "roof-fall:north.face" in (await aggregator.get("/v1/alarms")).text

        await until(stands)
        await module.main(aggregator.http)
    printed = capsys.readouterr().out
    assert re.search(r"north\.face: live, [\d.]+ frames/s", printed)
    assert "320x180" in printed
    assert "roof-fall north.face: rock moves" in printed
    assert "roof-fall:north.face: normal" in printed


def test_the_types_of_the_example_hold(example):
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"), str(example)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
