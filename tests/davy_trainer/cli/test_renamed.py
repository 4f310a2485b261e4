from typer.testing import CliRunner

from davy_trainer.cli.main import app


def test_a_deprecated_command_runs_the_new_one_with_a_warning(tmp_path):
    result = CliRunner().invoke(app, ["samples", str(tmp_path / "photographs")])
    assert result.exit_code == 0, result.output
    assert "warning: davy train samples is a deprecated name: use davy train photographs" in result.stderr
    assert list((tmp_path / "photographs").iterdir())


def test_the_help_lists_only_new_names():
    names = {command.name for command in app.registered_commands}
    assert {"package", "photographs"} <= names
    assert not {"pack", "samples"} & names
