"""The wheel alone, in an empty folder, as somebody uses it who has no checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTS = {f"DAVY_DEMO_{name}_PORT": "0" for name in ("CONSOLE", "GRPC", "MQTT", "ENHANCER", "ENHANCER_GRPC")}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and not name.startswith("DAVY_")}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, cwd: Path, timeout_s: float = 120, **environment: str) -> "subprocess.CompletedProcess[str]":
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env={**ENVIRONMENT, **environment}, capture_output=True, text=True, timeout=timeout_s)


@pytest.fixture(scope="module")
def davy(tmp_path_factory) -> Path:
    """The command of an environment with the wheel; the packages that it depends on come from the tests' environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    built = run(*build, cwd=folder, timeout_s=250)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("davy-*.whl")
    venv = folder / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=folder)
    (site_packages,) = (venv / "lib").glob("python*/site-packages")
    install = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--quiet", "--no-deps", wheel]
    installed = run(*install, cwd=folder)
    assert installed.returncode == 0, installed.stderr
    # Not `--system-site-packages`: that is the interpreter below the tests' environment. A .pth in the added folder is not
    # read, so an editable davy there stays out.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    where = run(venv / "bin" / "python", "-c", "import davy; print(davy.__file__)", cwd=folder).stdout.strip()
    assert where.startswith(str(venv)), where
    return venv / "bin" / "davy"


def started(command: list[str | Path], cwd: Path, line: str, **environment: str) -> str:
    """Start a program, wait for a line of its output, end it; returns its output."""
    log = cwd / "output.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=cwd, env={**ENVIRONMENT, **environment}, stdout=output, stderr=output
        )
        try:
            ends = time.monotonic() + 60
            while line not in log.read_text() and process.poll() is None and time.monotonic() < ends:
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait(20)
    return log.read_text()


def test_the_version_is_printed(davy, tmp_path):
    assert run(davy, "--version", cwd=tmp_path).stdout.startswith("davy 0.")


def test_init_writes_a_site_that_check_accepts(davy, tmp_path):
    assert run(davy, "init", cwd=tmp_path).stdout.split() == ["site.yaml", "site.schema.json"]
    checked = run(davy, "config", "check", cwd=tmp_path)
    assert "3 edges, 4 cameras" in checked.stdout, checked.stderr


def test_the_demo_runs_from_the_built_in_site_and_accounts_for_every_frame(davy, tmp_path):
    words = ("demo", "--seconds", "8", "--table", "lines", "--summary", "summary.json")
    found = run(davy, *words, cwd=tmp_path, **PORTS)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "site: built-in site (davy init writes a file to change)" in found.stdout
    cameras = json.loads((tmp_path / "summary.json").read_text())
    assert len(cameras) == 4
    assert all(camera["received"] and not camera["unexplained"] for camera in cameras.values())


def test_the_aggregator_and_an_edge_start_from_the_built_in_site(davy, tmp_path):
    aggregator = started([davy, "aggregator", "--port", "0", "--grpc-port", "0"], tmp_path, "console  http://")
    assert "console  http://127.0.0.1:" in aggregator, aggregator
    assert "built-in site" in aggregator
    edge = started([davy, "edge", "--edge", "south"], tmp_path, "exist only in")
    assert "built-in site" in edge
    assert "simulator:// cameras exist only in `davy demo`: start `davy simulator serve`" in edge, edge


def test_the_library_enhances_an_array_and_mypy_finds_its_types(davy, tmp_path):
    program = (
        "import numpy as np, davy\nbright = davy.Enhancer().enhance(np.zeros((48, 64, 3), np.uint8))\nprint(bright.shape)\n"
    )
    (tmp_path / "user.py").write_text(program + "wrong: int = davy.Enhancer().model\n")
    python = davy.with_name("python")
    assert run(python, "user.py", cwd=tmp_path).stdout == "(48, 64, 3)\n"
    typed = run(python, "-m", "mypy", "--strict", "user.py", cwd=tmp_path)
    assert "user.py:4: error: Incompatible types" in typed.stdout, typed.stdout + typed.stderr
    assert "Found 1 error in 1 file" in typed.stdout
