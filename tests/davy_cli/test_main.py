"""The `davy` command as typed: one tree, suggestions, completion, old names."""

import importlib
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

import davy
from davy_cli.main import main
from davy_cli.programs import PROGRAMS, Program


@pytest.fixture
def run(monkeypatch, capsys):
    """Run `davy` in this process; returns the exit status and the words of stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["davy", *arguments])
        status = main()
        recorded = capsys.readouterr()
        return status, " ".join(recorded.out.split()), " ".join(recorded.err.split())

    return run


def complete(arguments: str) -> str:
    """Ask for completions as bash does."""
    environment = {
        **os.environ,
        "_DAVY_COMPLETE": "complete_bash",
        "COMP_WORDS": arguments,
        "COMP_CWORD": str(arguments.count(" ")),
    }
    command = [sys.executable, "-m", "davy"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60).stdout


def test_the_version_is_printed(run):
    assert run("--version") == (0, f"davy {davy.__version__}", "")


def test_help_lists_every_program_but_old_names_and_imports_none():
    program = (
        "import sys; from davy_cli.main import main; sys.argv = ['davy', '--help']; main();"
        "print('IMPORTED', [name for name in sys.modules if name in ('numpy', 'pydantic', 'davy_edge', 'davy_demo')])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert all((f"│ {name} " in found) is not each.hidden for name, each in PROGRAMS.items())
    assert "IMPORTED []" in found


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["aggregatr"], "Did you mean 'aggregator'"),
        (["keys", "rotat"], "Did you mean 'rotate'"),
        (["keys", "list", "--fodler", "x"], "--folder"),
        (["init", "--versoin"], "No such option"),
    ],
)
def test_a_mistyped_program_command_or_option_is_a_usage_error_with_a_suggestion(run, arguments, hint):
    status, _, err = run(*arguments)
    assert status == 2
    assert hint in err


@pytest.mark.system
@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("davy agg", "aggregator"),
        ("davy keys ro", "rotate"),
        ("davy edges config s", "set"),
        ("davy edge --metr", "--metrics-port"),
    ],
)
def test_programs_commands_and_options_are_completed(arguments, found):
    assert found in complete(arguments)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed_for_each_shell(run, shell):
    status, out, _ = run("completion", shell)
    assert status == 0
    assert "_DAVY_COMPLETE" in out


def test_a_missing_package_names_the_extra_that_can_be_installed(run, monkeypatch):
    monkeypatch.setitem(PROGRAMS, "bench", Program("tests.davy_cli.no_such_module", "bench", ""))
    found = run("bench")
    hint = "davy bench needs the package 'tests.davy_cli.no_such_module': pip install '.[bench]' in Davy's source folder"
    assert found == (1, "", hint)


def test_an_unknown_variable_warns_with_a_suggestion(run, monkeypatch, tmp_path):
    monkeypatch.setenv("DAVY_AGGREGATOR_PROT", "8080")
    _, _, err = run("keys", "list", "--folder", str(tmp_path))
    assert "no program reads the environment variable DAVY_AGGREGATOR_PROT; did you mean 'DAVY_AGGREGATOR_PORT'?" in err


def test_every_program_has_one_command_and_help():
    for name, program in PROGRAMS.items():
        assert importlib.import_module(program.module).app is not None, name
        assert program.help.endswith("."), name


@pytest.mark.parametrize(
    ("old", "new"),
    [("serve", "simulator serve"), ("truths", "simulator truths"), ("pairs", "simulator pairs"), ("story", "demo scenario")],
)
def test_an_old_name_works_with_one_line_of_warning(run, old, new):
    status, out, err = run("mine", old, "--help")
    assert status == 0
    assert "Usage" in out
    assert err == f"warning: davy mine {old} is a deprecated name: use davy {new}"


def test_davy_mine_is_the_demo(run):
    status, out, _ = run("mine", "--help")
    assert status == 0
    assert "Run a simulated mine and every service in one process" in out


def test_an_abort_in_native_code_leaves_a_line_and_the_place_of_every_thread():
    code = "import davy_cli.main as m, os; m.app = lambda **_: os.abort(); m.main()"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGABRT
    assert "davy: fatal signal 06, native backtrace:" in ended.stderr
    assert re.search(r"libc\.so\.6\(abort\+0x", ended.stderr)  # the native frame that gave up
    assert "Fatal Python error: Aborted" in ended.stderr
    assert "Current thread" in ended.stderr


@pytest.mark.system
@pytest.mark.parametrize(
    "words",
    [
        "aggregator --data {data} --port {taken} --grpc-port 0",
        "aggregator --data {data} --port 0 --grpc-port {taken}",
        "enhancer --insecure --port {taken} --grpc-port 0",
        "enhancer --insecure --port 0 --grpc-port {taken}",
        "edge --data {data} --edge north --metrics-port {taken}",
        "simulator serve --port {taken}",
        "trainer --insecure --port 0 --grpc-port {taken}",
    ],
)
def test_a_taken_port_is_one_sentence_and_no_traceback(tmp_path, words):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        command = [sys.executable, "-m", "davy", *words.format(taken=taken, data=tmp_path / "data").split()]
        environment = {**os.environ, "DAVY_BROKER": "mqtt://127.0.0.1:9", "DAVY_CACHE": "redis://127.0.0.1:9/0"}
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment, timeout=60)
    plain = [line for line in ended.stderr.splitlines() if not line.startswith("{")]  # the others are the log
    sentence = f"cannot listen on 127.0.0.1:{taken}: Address already in use; choose another port, or 0 for any free one"
    assert plain == [f"davy {words.split()[0]}: {sentence}"]
    assert ended.returncode == 1
