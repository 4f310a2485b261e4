"""One simulated mine for all commands, and a folder with what they read."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
START_S = 60.0
CAMERAS = ("NORTH__CAMERAS__GALLERY", "NORTH__CAMERAS__FACE", "SOUTH__CAMERAS__CONVEYOR", "WEST__CAMERAS__JUNCTION")
SMALL = {"WIDTH": "320", "HEIGHT": "180", "FPS": "4"}  # two mines at a time must fit a busy machine of two cores
PORTS = ("CONSOLE", "GRPC", "MQTT", "ENHANCER", "ENHANCER_GRPC")


@dataclass(frozen=True, slots=True)
class Demo:
    """A running `davy demo`: where it listens in place of the documented ports, and its folder."""

    ports: dict[str, str]
    folder: Path

    def shell(self) -> dict[str, str]:
        """What the file for a shell sets: DAVY_TOKEN and MQTT_URL."""
        lines = (self.folder / ".davy" / "access.env").read_text().splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def environment(**more: str) -> dict[str, str]:
    """The tests' own environment without settings of Davy's, with `davy` of this checkout on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAVY_")}
    small = {f"DAVY_EDGES__{camera}__{name}": value for camera in CAMERAS for name, value in SMALL.items()}
    return kept | {f"DAVY_DEMO_{name}_PORT": "0" for name in PORTS} | small | more


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the front of PATH: `davy` runs this checkout."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "davy"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m davy "$@"\n')
    script.chmod(0o755)
    return folder


@pytest.fixture(scope="module")  # it computes as long as it runs: not beside the tests of other files
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    log = folder / "log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "davy", "demo", "--table", "off"]
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=output, stderr=output)
        try:
            yield Demo(_ports(process, log), folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def _ports(process: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    """Real ports by documented ones, read from the lines that the demo prints once it is ready."""
    deadline = time.monotonic() + START_S
    while "models " not in (text := log.read_text()):
        assert process.poll() is None, text
        assert time.monotonic() < deadline, text
        time.sleep(0.1)
    console, enhancer = re.findall(r"REST +http://[^:]+:(\d+)/docs and http://[^:]+:(\d+)", text)[0]
    grpc, enhancer_grpc = re.findall(r"gRPC +grpc://[^:]+:(\d+) and grpc://[^:]+:(\d+)", text)[0]
    mqtt = re.findall(r"mqtt://[^:]+:(\d+)", text)[0]
    return {"8080": console, "8081": enhancer, "50051": grpc, "50052": enhancer_grpc, "1883": mqtt}


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dark.jpg, dark.png, shift-photos/ and tunnel.mp4."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "shift-photos").mkdir()
    dark = dark_picture()
    for name in ("dark.jpg", "dark.png", "shift-photos/one.jpg", "shift-photos/two.png"):
        Image.fromarray(dark).save(folder / name)
    render = [sys.executable, "-m", "davy", "simulator", "render", "--place", "face", "--seconds", "1", "tunnel.mp4"]
    subprocess.run(render, cwd=folder, env=environment(), check=True, timeout=100, capture_output=True)
    return folder


def dark_picture() -> "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]":
    """(240, 320, 3), uint8: noise in the dark and one lamp."""
    pixels = np.random.default_rng(1).integers(0, 30, (240, 320, 3)).astype(np.uint8)
    pixels[60:90, 200:240] = 250
    return pixels


@pytest.fixture
def workspace(tmp_path: Path, inputs: Path, demo: Demo) -> Path:
    """A fresh folder as a reader has it: the inputs, infra/, a site.yaml, and the demo's .davy."""
    shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    (tmp_path / "infra").symlink_to(ROOT / "infra")
    shutil.copy(ROOT / "infra" / "site.yaml", tmp_path)
    (tmp_path / ".davy").symlink_to(demo.folder / ".davy")
    return tmp_path
