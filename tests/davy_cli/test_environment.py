import json

from typer.testing import CliRunner

from davy_cli.environment import RENAMED, apply_old_names, variables, warnings_of
from davy_cli.site import app


def test_every_variable_has_a_type_and_a_meaning_and_stands_once():
    found = variables()
    assert len(found) > 100
    names = [each.name for each in found]
    assert sorted(set(names) - {"DAVY_AGGREGATOR"}) == sorted(name for name in names if name != "DAVY_AGGREGATOR")
    assert [each.name for each in found if not each.type or "typing" in each.type] == []
    assert [each.name for each in found if not each.meaning] == []


def test_a_variable_shows_its_bounds_and_default():
    by_name = {each.name: each for each in variables()}
    port = by_name["DAVY_AGGREGATOR_PORT"]
    assert (port.type, port.default, port.group) == ("integer >= 0 <= 65535", "8080", "davy aggregator")
    assert by_name["DAVY_DEMO_TABLE"].type == "auto | live | lines | off"
    assert by_name["DAVY_EDGES__<EDGE>__CAMERAS__<CAMERA>__WIDTH"].type == "integer > 0 <= 7680"


def test_known_nested_and_site_variables_give_no_warning():
    names = [
        "DAVY_EDGES__X__CAMERAS__Y__FPS",
        "DAVY_BROKER",
        "DAVY_CACHE",
        "DAVY_TRAINER_OVERRIDES__ADAPT__STEPS",
        "DAVY_TEST_X",
    ]
    assert warnings_of(dict.fromkeys([*names, "PATH"], "1")) == []


def test_a_misspelt_variable_gives_a_warning_with_a_suggestion():
    assert warnings_of({"DAVY_BROKRE": "x"}) == [
        "warning: no program reads the environment variable DAVY_BROKRE; did you mean 'DAVY_BROKER'?"
    ]


def test_the_old_prefix_of_demo_and_simulator_is_read_with_a_warning():
    environ = {"DAVY_MINE_CONSOLE_PORT": "0", "DAVY_MINE_SEED": "3", "DAVY_DEMO_SEED": "4"}
    lines = apply_old_names(environ)
    assert environ["DAVY_DEMO_CONSOLE_PORT"] == "0"
    assert (environ["DAVY_DEMO_SEED"], environ["DAVY_SIMULATOR_SEED"]) == ("4", "3")
    assert lines == [
        "warning: DAVY_MINE_CONSOLE_PORT is a deprecated name: use DAVY_DEMO_CONSOLE_PORT",
        "warning: DAVY_MINE_SEED is a deprecated name: use DAVY_DEMO_SEED or DAVY_SIMULATOR_SEED",
    ]


def test_a_renamed_variable_is_read_with_a_warning():
    environ = {"DAVY_TRAINER_DRIFT_LOOKS": "2", "DAVY_TRAINER_KEEP": "3", "DAVY_TRAINER_KEEP_RUNS": "4"}
    lines = apply_old_names(environ)
    assert (environ["DAVY_TRAINER_DRIFT_CHECKS"], environ["DAVY_TRAINER_KEEP_RUNS"]) == ("2", "4")
    assert lines == [
        "warning: DAVY_TRAINER_DRIFT_LOOKS is a deprecated name: use DAVY_TRAINER_DRIFT_CHECKS",
        "warning: DAVY_TRAINER_KEEP is a deprecated name: use DAVY_TRAINER_KEEP_RUNS",
    ]
    assert set(RENAMED.values()) <= {variable.name for variable in variables()}
    assert warnings_of(environ) == []


def test_the_list_is_printed_as_text_markdown_and_json():
    text, markdown, plain = (CliRunner().invoke(app, ["env", "--format", form]).output for form in ("text", "markdown", "json"))
    assert "DAVY_EDGE_DATA  path (default: data/edge)" in text
    assert "| `DAVY_EDGE_DATA` | path | `data/edge` |" in markdown
    assert {each["name"] for each in json.loads(plain)} >= {"DAVY_EDGE_DATA", "DAVY_KEYS"}
