import json
import sys

import pytest
import yaml

from davy.site import load_site
from davy_cli.main import main


@pytest.fixture
def davy(monkeypatch, capsys, tmp_path):
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["davy", *arguments])
        return (main(), *capsys.readouterr())

    return run


def test_init_writes_a_valid_site_and_its_schema(davy, tmp_path):
    import jsonschema  # a second and more: not for every worker

    assert davy("init") == (0, "site.yaml\nsite.schema.json\n", "")
    text = (tmp_path / "site.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=site.schema.json\n")
    load_site(tmp_path / "site.yaml", {})
    jsonschema.validate(yaml.safe_load(text), json.loads((tmp_path / "site.schema.json").read_text()))
    assert davy("config", "check")[1].startswith("site.yaml: site demo, 3 edges, 4 cameras")


@pytest.mark.parametrize("existing", ["site.yaml", "site.schema.json"])
def test_init_overwrites_nothing(davy, tmp_path, existing):
    (tmp_path / existing).write_text("mine")
    status, _, err = davy("init")
    assert (status, err) == (1, f"davy init: {existing} already exists: choose another folder, or remove it first\n")
    assert [path.name for path in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "mine"
    assert davy("init", "new/folder")[0] == 0


def test_without_a_file_the_built_in_site_is_checked(davy):
    assert davy("config", "check")[1].startswith("built-in site (davy init writes a file to change): site demo")
