import json

import pytest
from typer.testing import CliRunner

from davy_bench.cli import app
from davy_bench.speed import cli

pytestmark = pytest.mark.system


def run(*words):
    return CliRunner().invoke(app, ["speed", *(str(word) for word in words)])


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(cli.SIZES, "720p", (128, 72))
    return monkeypatch


def test_one_command_gives_table_json_and_plots(small, tmp_path):
    result = run("--out", tmp_path, "--sizes", "720p", "--seconds", 0, "--no-memory", "--cameras", "none")
    assert result.exit_code == 0, result.output
    assert "| 720p, Davy video | 2 |" in result.output
    figures = json.loads((tmp_path / "speed.json").read_text())
    assert figures["sizes"] == {"720p": [128, 72]}
    assert figures["machine"]["cores"] >= 1
    assert (tmp_path / "pixels.png").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--cameras", "many"), "write numbers separated by commas"),
        (("--cameras", "0,1"), "at least 1 camera"),
        (("--sizes", "8K"), "choose from 480p"),
    ],
)
def test_a_usage_error_is_reported_before_any_measurement(arguments, text, tmp_path):
    result = run("--out", tmp_path, *arguments)
    assert result.exit_code == 2
    assert text in result.output.replace("\n", " ")


def test_the_old_name_of_sustained_seconds_is_read_with_a_warning(small, tmp_path):
    result = run("--out", tmp_path, "--sizes", "none", "--no-memory", "--cameras", "none", "--held-seconds", 5)
    assert result.exit_code == 0, result.output
    assert "use --sustained-seconds" in result.output
