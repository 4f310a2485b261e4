import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from davy.domain.camera import CameraAddress
from davy.domain.dials import NEUTRAL, PRESETS
from davy.domain.errors import ConfigError
from davy.site import BUILT_IN_FILE, SiteConfig, find_site_file, load_site

ROOT = Path(__file__).resolve().parents[1]
GOOD = """\
site: demo
edges:
  north:
    cameras:
      face-1: {source: "simulator://face", fps: 5}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_camera_gets_its_values_and_the_defaults(tmp_path):
    site = load_site(write(tmp_path, GOOD), {})
    camera = site.camera(CameraAddress("demo", "north", "face-1"))
    assert (str(camera.source), camera.fps, camera.strength, camera.size) == ("simulator://face", 5, 1.0, None)


def test_the_environment_overrides_a_value_and_an_underscore_stands_for_a_hyphen(tmp_path):
    environ = {"DAVY_EDGES__NORTH__CAMERAS__FACE_1__FPS": "7", "DAVY_BROKER": "mqtt://10.0.0.5", "DAVY_EDGE_SPOOL": "x"}
    site = load_site(write(tmp_path, GOOD), environ)
    assert site.edges["north"].cameras["face-1"].fps == 7
    assert str(site.broker) == "mqtt://10.0.0.5"


@pytest.mark.parametrize(
    ("old", "new", "line", "advice"),
    [
        ("fps: 5", "fpss: 5", 5, "did you mean 'fps'"),
        ("fps: 5", "fps: -1", 5, "greater than 0"),
        ("simulator://face", "ftp://face", 5, "a source starts with one of"),
        ("face-1:", "Face_1:", 5, "an id is 1 to 64"),
        ("site: demo", "site: demo\nbroker: tcp://x", 2, "mqtt://"),
        ("north:", "north: 3\n  south:", 3, "valid dictionary"),
        ("fps: 5", "fps: 5, fps: 6", 5, "duplicate key 'fps', first in line 5"),
        ("site: demo", "site: demo\nedges: {}\nsite: demo", 3, "duplicate key 'site', first in line 1"),
        ("{source", "{{source", 6, "a flow mapping that begins in line 5"),
    ],
)
def test_a_fault_names_its_line_and_what_to_write(tmp_path, old, new, line, advice):
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_site(path, {})
    assert f"{path}:{line}: " in str(caught.value)
    assert advice in str(caught.value)


def test_a_fault_from_the_environment_names_the_variable(tmp_path):
    with pytest.raises(ConfigError, match=r"environment DAVY_EDGES__NORTH__CAMERAS__FACE_1__FPS: .*greater than 0"):
        load_site(write(tmp_path, GOOD), {"DAVY_EDGES__NORTH__CAMERAS__FACE_1__FPS": "0"})


def test_every_fault_of_a_file_is_told_at_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, GOOD.replace("fps: 5", "fps: 0, strength: 2")), {})
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_file_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_site(tmp_path / "none.yaml", {})


def test_the_shipped_mine_is_valid_and_its_schema_is_fresh():
    load_site(ROOT / "infra" / "site.yaml", {})
    import jsonschema  # a second and more: not for every worker

    schema = json.loads((ROOT / "infra" / "site.schema.json").read_text())
    assert schema == SiteConfig.model_json_schema(), "run: davy config schema > infra/site.schema.json"
    jsonschema.validate(yaml.safe_load((ROOT / "infra" / "site.yaml").read_text()), schema)


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("DAVY_EDGES__NORHT__CAMERAS__FACE_1__FPS", "7", "no edge 'norht' in the file; did you mean 'north'?"),
        ("DAVY_EDGES__NORTH__CAMERAS__FCAE_1__FPS", "7", "no camera 'fcae_1' in the file; did you mean 'face-1'?"),
        ("DAVY_EDGES__XYZ__ENHANCE", "pool", "no edge 'xyz' in the file; known: north"),
    ],
)
def test_an_unknown_id_in_a_variable_is_an_error_with_a_suggestion(tmp_path, variable, value, advice):
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, GOOD), {variable: value})
    assert str(caught.value) == f"environment {variable}: {advice}"


def test_an_edge_that_the_environment_adds_is_taken_with_a_warning_where_its_id_resembles_another(tmp_path, caplog):
    site = load_site(write(tmp_path, GOOD), {"DAVY_EDGES__NORHT__CAMERAS__BELT__SOURCE": "rtsp://10.1.0.7/a"})
    assert list(site.edges) == ["north", "norht"]
    assert "no edge 'norht' in the file; did you mean 'north'?" in caplog.text


def test_the_old_names_of_scheme_and_cache_are_read_with_a_warning(tmp_path, caplog):
    old = GOOD.replace("simulator://", "mine://").replace("edges:", "store: redis://10.0.0.5:6379/0\nedges:")
    site = load_site(write(tmp_path, old), {})
    assert str(site.cache) == "redis://10.0.0.5:6379/0"
    assert site.edges["north"].cameras["face-1"].source.get_secret_value() == "mine://face"
    assert "site.yaml:2: store is a deprecated name: write cache" in caplog.text
    assert "site.yaml:6: mine:// is a deprecated scheme: write simulator://" in caplog.text


def test_the_old_variable_of_the_cache_is_read_with_a_warning(tmp_path, caplog):
    assert load_site(write(tmp_path, GOOD), {"DAVY_STORE": "redis://10.0.0.5"}).cache.get_secret_value() == "redis://10.0.0.5"
    assert "environment DAVY_STORE is a deprecated name: write DAVY_CACHE" in caplog.text


def test_a_sites_file_is_the_given_one_else_that_of_the_folder_else_the_built_in_one(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    assert find_site_file() == BUILT_IN_FILE
    (tmp_path / "infra").mkdir()
    write(tmp_path / "infra", GOOD)
    assert find_site_file() == Path("infra/site.yaml")
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert find_site_file() == Path("mine.yaml")
    assert "mine.yaml is a deprecated name: rename it to site.yaml" in caplog.text
    write(tmp_path, GOOD)
    assert find_site_file() == Path("site.yaml")
    assert find_site_file(tmp_path / "other.yaml") == tmp_path / "other.yaml"


def test_the_built_in_site_is_the_one_of_the_checkout():
    assert BUILT_IN_FILE.read_text() == (ROOT / "infra" / "site.yaml").read_text()


def test_a_camera_has_dials_of_its_preset_and_its_own(tmp_path):
    text = GOOD.replace("fps: 5", "fps: 5, preset: night IR, brightness: -0.5")
    camera = load_site(write(tmp_path, text), {}).camera(CameraAddress("demo", "north", "face-1"))
    assert camera.dials == replace(PRESETS["night IR"], brightness=-0.5)


def test_a_camera_without_dials_is_neutral(tmp_path):
    assert load_site(write(tmp_path, GOOD), {}).camera(CameraAddress("demo", "north", "face-1")).dials == NEUTRAL


@pytest.mark.parametrize("wrong", ["brightness: 1.5", "colour: -1", "preset: day"])
def test_a_dial_out_of_range_is_told_with_its_line(tmp_path, wrong):
    with pytest.raises(ConfigError, match=wrong.split(":")[0]):
        load_site(write(tmp_path, GOOD.replace("fps: 5", f"fps: 5, {wrong}")), {})


ALARMS = """
site: mine
edges: {north: {cameras: {face: {source: "simulator://face"}}}}
alarms:
  rules: {lens-blocked: {on_delay_s: 5}, "lens-blocked:north.face": {enabled: false}}
  targets:
    shift: {kind: email, smtp: "smtp://mail.mine.example", sender: davy@mine.example, to: [shift@mine.example]}
  escalation: [{after_s: 60, to: [shift]}]
"""


def test_a_site_says_who_is_told_of_alarms_and_a_password_stands_in_a_file(tmp_path):
    (tmp_path / "site.yaml").write_text(ALARMS)
    (tmp_path / "smtp").write_text("smtp://davy:geheim@mail.mine.example:587\n")
    environ = {"DAVY_ALARMS__TARGETS__SHIFT__SMTP_FILE": str(tmp_path / "smtp")}
    alarms = load_site(tmp_path / "site.yaml", environ).alarms
    assert alarms.targets["shift"].smtp.get_secret_value() == "smtp://davy:geheim@mail.mine.example:587"
    assert "geheim" not in str(alarms) + alarms.model_dump_json()


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ("on_delay_s: 5", "on_dely_s: 5", "alarms.rules.lens-blocked.on_dely_s: no such setting; did you mean 'on_delay_s'?"),
        ("smtp:", "smpt:", "no such setting; did you mean 'smtp'?"),
        ("to: [shift]", "to: [boss]", "there is no target 'boss'; the site's file has: shift"),
        ("smtp://", "http://", "an address here starts with smtp:// or smtps://"),
        ("lens-blocked:north.face", "lens blocked", "an id is 1 to 64 of a-z, 0-9 and '-'"),
        ("shift@mine.example]", '"shift@mine.example\\nBcc: all@mine.example"]', "String should match pattern"),
    ],
)
def test_a_mistake_in_alarms_names_its_line_and_its_remedy(tmp_path, old, new, advice):
    (tmp_path / "site.yaml").write_text(ALARMS.replace(old, new))
    with pytest.raises(ConfigError) as error:
        load_site(tmp_path / "site.yaml", {})
    assert advice in str(error.value)
