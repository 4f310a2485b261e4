import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from davy.domain.camera import CameraAddress
from davy.domain.errors import ConfigError
from davy.site import SiteConfig, load_site

ROOT = Path(__file__).resolve().parents[1]
GOOD = """\
site: demo
edges:
  north:
    cameras:
      face-1: {source: "mine://face", fps: 5}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_camera_gets_its_values_and_the_defaults(tmp_path):
    site = load_site(write(tmp_path, GOOD), {})
    camera = site.camera(CameraAddress("demo", "north", "face-1"))
    assert (camera.source, camera.fps, camera.strength, camera.size) == ("mine://face", 5, 1.0, None)


def test_the_environment_overrides_a_value_and_an_underscore_stands_for_a_hyphen(tmp_path):
    environ = {"DAVY_EDGES__NORTH__CAMERAS__FACE_1__FPS": "7", "DAVY_BROKER": "mqtt://10.0.0.5", "DAVY_EDGE_SPOOL": "x"}
    site = load_site(write(tmp_path, GOOD), environ)
    assert site.edges["north"].cameras["face-1"].fps == 7
    assert site.broker == "mqtt://10.0.0.5"


@pytest.mark.parametrize(
    ("old", "new", "line", "advice"),
    [
        ("fps: 5", "fpss: 5", 5, "did you mean 'fps'"),
        ("fps: 5", "fps: -1", 5, "greater than 0"),
        ("mine://face", "ftp://face", 5, "a source starts with one of"),
        ("face-1:", "Face_1:", 5, "an id is 1 to 64"),
        ("site: demo", "site: demo\nbroker: tcp://x", 2, "mqtt://"),
        ("north:", "north: 3\n  south:", 3, "valid dictionary"),
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
    schema = json.loads((ROOT / "infra" / "site.schema.json").read_text())
    assert schema == SiteConfig.model_json_schema(), "run: davy config schema > infra/site.schema.json"
    jsonschema.validate(yaml.safe_load((ROOT / "infra" / "site.yaml").read_text()), schema)
