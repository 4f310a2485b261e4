"""`davy edges` as it is typed, against a real aggregator."""

import asyncio
import sys

import pytest
import yaml
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.fixtures.config_edge import ConfigEdge, talking

from davy.domain.topics import EdgeTopics
from davy.models.keyring import TRUST, make_key
from davy.twin.configuration import DesiredConfig
from davy_cli.main import main
from davy_edge.config.validation import ConfigValidator

pytestmark = pytest.mark.system

NORTH = {"cameras": {"face": {"source": "mine://face"}, "belt": {"source": "mine://conveyor"}}}


@pytest.fixture
def davy(monkeypatch, capsys):
    async def run(aggregator, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["davy", "edges", *arguments, "--aggregator", aggregator.http])
        status = await asyncio.to_thread(main)
        recorded = capsys.readouterr()
        return status, recorded.out, recorded.err

    return run


async def test_one_field_is_set_from_a_terminal_and_the_edge_s_answer_is_waited_for(mosquitto, tmp_path, davy):
    site = make_site(mosquitto.endpoint, north=NORTH)
    edge = ConfigEdge(site.edges["north"])
    async with running(make_settings(tmp_path), site) as aggregator, talking(mosquitto.endpoint, "mine", edge):
        arguments = ["face.strength=0.5", "face.label=Coal: face", "shaft.source=rtsp://a:b@10.1.0.7/s", "--remove", "belt"]
        status, out, err = await davy(aggregator, "config", "set", "north", *arguments, "--why", "too bright", "--who", "Marie")
        assert (status, out.splitlines()[-1]) == (0, "north: applied"), out + err
        cameras = edge.received[-1].config["cameras"]
        assert (cameras["face"]["strength"], cameras["face"]["label"]) == (0.5, "Coal: face")
        assert list(cameras) == ["face", "shaft"]
        status, out, _ = await davy(aggregator, "config", "get", "north")
        assert yaml.safe_load(out)["cameras"]["shaft"]["source"] == "rtsp://***@10.1.0.7/s"
        edge.refuses = "it is tired"
        status, _, err = await davy(aggregator, "config", "set", "north", "face.fps=5")
        assert (status, err) == (1, "north: rejected: it is tired\n")
        edge.refuses = ""
        status, out, _ = await davy(aggregator, "config", "rollback", "north")
        assert status == 0
        status, out, _ = await davy(aggregator, "config", "history", "north")
        assert [line.split()[0] for line in out.splitlines()] == ["3", "2", "1", "0"]
        assert "Marie: too bright" in out
        status, out, _ = await davy(aggregator, "list")
        assert "epoch 3" in out


async def test_a_file_replaces_the_configuration(tmp_path, davy):
    async with running(make_settings(tmp_path), make_site(north=NORTH)) as aggregator:
        file = tmp_path / "north.yaml"
        file.write_text("cameras: {shaft: {source: 'mine://gallery', fps: 5}}")
        status, out, err = await davy(aggregator, "config", "set", "north", "--file", str(file), "--wait", "0")
        assert (status, "no report yet" in err) == (1, True), out
        _, out, _ = await davy(aggregator, "config", "get", "north")
        assert yaml.safe_load(out)["cameras"]["shaft"]["fps"] == 5


@pytest.mark.parametrize(
    ("arguments", "recorded"),
    [
        (["face.fps=-1"], "cameras.face.fps"),
        (["face"], "CAMERA.FIELD=VALUE"),
        (["--remove", "nobody"], "no camera 'nobody'"),
        (["--file", "/nowhere.yaml"], "cannot be read"),
        (["--keys", "/nowhere"], "--site"),
    ],
)
async def test_usage_errors_are_reported_and_nothing_changes(tmp_path, davy, arguments, recorded):
    async with running(make_settings(tmp_path), make_site(north=NORTH)) as aggregator:
        status, _, err = await davy(aggregator, "config", "set", "north", *arguments)
        assert (status, recorded in err) == (1, True), err
        assert (await aggregator.get("/v1/edges/north/config")).json()["desired"]["epoch"] == 0


async def test_an_edge_that_requires_signatures_accepts_a_signed_configuration(mosquitto, tmp_path, davy):
    site = make_site(mosquitto.endpoint, north=NORTH)
    edge = ConfigEdge(site.edges["north"])
    make_key(tmp_path / "keys", 30)
    async with running(make_settings(tmp_path), site) as aggregator, talking(mosquitto.endpoint, "mine", edge):
        arguments = ["face.strength=0.5", "--keys", str(tmp_path / "keys"), "--site", "mine"]
        status, _, err = await davy(aggregator, "config", "set", "north", *arguments)
        assert status == 0, err
        _, out, _ = await davy(aggregator, "config", "history", "north")
    assert "signed by" in out.splitlines()[0]
    desired = DesiredConfig.parse(edge.received[-1].to_bytes())
    validator = ConfigValidator(EdgeTopics("mine", "north"), ["mine"], 8, tmp_path / "keys" / TRUST)
    assert validator.validate(desired, edge.config).cameras["face"].strength == 0.5


def test_an_unreachable_aggregator_is_reported(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["davy", "edges", "list", "--aggregator", "http://127.0.0.1:9"])
    assert main() == 1
    assert "no aggregator at http://127.0.0.1:9" in capsys.readouterr().err


async def test_an_edge_that_does_not_exist_and_a_key_that_stands_twice_are_refused(tmp_path, davy):
    async with running(make_settings(tmp_path), make_site(north=NORTH)) as aggregator:
        status, _, err = await davy(aggregator, "config", "set", "norht", "face.fps=5")
        assert status == 1
        assert "no edge 'norht'; did you mean 'north'?" in err
        (tmp_path / "north.yaml").write_text("cameras:\n  face: {source: 'file:///a'}\n  face: {source: 'file:///b'}\n")
        status, _, err = await davy(aggregator, "config", "set", "north", "--file", str(tmp_path / "north.yaml"))
        assert status == 1
        assert "north.yaml:3: duplicate key 'face', first in line 2" in err
