"""`davy cameras` as it is typed, against a real ONVIF device on loopback."""

import asyncio
import json
import sys

import pytest
import yaml
from tests.fixtures.onvif_devices import free_udp_port, simulator

from davy.edge_config import read_config
from davy_cli.main import main

pytestmark = pytest.mark.system


@pytest.fixture
def davy(monkeypatch, capsys):
    async def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["davy", "cameras", "discover", *map(str, arguments)])
        status = await asyncio.to_thread(main)
        recorded = capsys.readouterr()
        return status, recorded.out, recorded.err

    return run


async def test_cameras_are_listed_with_lines_that_an_edge_takes(davy, tmp_path):
    port, secret = free_udp_port(), tmp_path / "password"
    secret.write_text("pit\n")
    async with simulator(port, onvif_user="admin", onvif_password="pit", fps=12) as http_port:
        status, out, err = await davy("--timeout", 0.6, "--search-port", port, "--user", "admin", "--password-file", secret)
    assert (status, "pit" in out) == (0, False), out + err
    table, _, snippet = out.partition("# For an edge")
    assert table.splitlines()[1].split() == [
        f"127.0.0.1:{http_port}",
        "Davy",
        "gallery",
        "JPEG",
        "1280x720",
        "12",
        f"http://127.0.0.1:{http_port}/gallery.mjpeg",
    ]
    config = read_config(yaml.safe_load(snippet[snippet.index("cameras:") :]))
    assert config.cameras["davy"].source.get_secret_value().endswith("/gallery.mjpeg")
    assert f"# source: http://127.0.0.1:{http_port}/face.mjpeg" in snippet


async def test_a_named_camera_is_asked_without_a_search_and_shown_as_json(davy):
    async with simulator(free_udp_port()) as http_port:
        status, out, _ = await davy("--address", f"localhost:{http_port}", "--json")
    (camera,) = json.loads(out)["cameras"]
    assert (status, camera["port"], camera["model"], len(camera["profiles"])) == (0, http_port, "Simulated mine", 2)


async def test_an_empty_network_ends_with_1_and_says_what_to_check(davy):
    status, out, err = await davy("--timeout", 0.5, "--search-port", free_udp_port())
    assert (status, out) == (1, "")
    assert "no camera answered" in err


@pytest.mark.parametrize("arguments", [("--address", "a:b"), ("--address", "u@host"), ("--password-file", "nowhere")])
async def test_a_wrong_option_is_refused(davy, arguments):
    status, _, err = await davy(*arguments)
    assert status == 1
    assert "expected HOST" in err or "needs --user" in err
