import pytest
from typer.testing import CliRunner

from davy_trainer.cli.main import app


def test_a_deprecated_command_runs_the_new_one_with_a_warning(tmp_path):
    result = CliRunner().invoke(app, ["samples", str(tmp_path / "photographs")])
    assert result.exit_code == 0, result.output
    assert "warning: davy train: samples is a deprecated name: use photographs" in result.stderr
    assert list((tmp_path / "photographs").iterdir())


@pytest.mark.parametrize("arguments", [["--most-mb", "5"], ["--most-mb=5"]])
def test_a_deprecated_option_sets_the_new_one_with_a_warning(tmp_path, arguments):
    command = ["pack-data", "--normal", str(tmp_path / "none"), "--out", str(tmp_path / "data"), *arguments]
    result = CliRunner().invoke(app, command)
    assert "use --max-mb" in result.stderr
    assert "none is not a folder" in "".join(result.stderr.split("\n"))


def test_the_help_lists_only_new_names():
    names = {command.name for command in app.registered_commands}
    assert {"package", "photographs"} <= names
    assert not {"pack", "samples"} & names
