"""The examples parse; those that need no foreign program are run."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.docs.conftest import Demo, dark_picture, environment

from davy.domain.topics import EdgeTopics

pytestmark = pytest.mark.system
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """pictures/dark.jpg, and a second one whose left half is black."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    pixels = dark_picture()
    Image.fromarray(pixels).save(pictures / "dark.jpg")
    pixels[:, :160] = 0
    Image.fromarray(pixels).save(pictures / "half.png")
    return tmp_path


def run(name: str, *words: str, folder: Path, **more: str) -> str:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *words]
    done = subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def mean(path: Path) -> float:
    with Image.open(path) as image:
        return float(np.asarray(image.convert("L")).mean())


def test_there_are_at_least_ten_examples_and_each_says_how_it_runs():
    found = sorted(path for path in EXAMPLES.iterdir() if path.is_file())
    assert len(found) >= 10
    for path in found:
        head = path.read_text(encoding="utf-8")[:1500]
        assert any(word in head for word in ("davy demo", "python examples/", "merge this into", "Import this file")), path.name


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_python_example_compiles(path: Path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_javascript_example_parses():
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    subprocess.run(["node", "--check", str(EXAMPLES / "subscribe.mjs")], check=True, timeout=60)


def test_home_assistant_reads_topics_that_davy_publishes():
    wanted = yaml.safe_load((EXAMPLES / "home_assistant.yaml").read_text(encoding="utf-8"))["mqtt"]
    north = EdgeTopics("demo", "north")
    gallery = north.camera("gallery")
    assert wanted["camera"][0]["topic"] == gallery.frame
    assert {entry["topic"] for entry in wanted["camera"][0]["availability"]} == {north.status, gallery.status}
    assert wanted["binary_sensor"][0]["state_topic"] == north.status
    assert wanted["sensor"][0]["state_topic"] == gallery.status


def test_node_red_flow_is_wired_completely():
    nodes = json.loads((EXAMPLES / "node_red_flow.json").read_text(encoding="utf-8"))
    ids = {node["id"] for node in nodes}
    assert len(ids) == len(nodes)
    assert {target for node in nodes for wire in node.get("wires", []) for target in wire} <= ids
    assert {node["z"] for node in nodes if "z" in node} | {node["broker"] for node in nodes if node["type"] == "mqtt in"} <= ids


def test_grafana_dashboard_asks_for_metrics_that_exist():
    board = json.loads((EXAMPLES / "grafana_dashboard.json").read_text(encoding="utf-8"))
    known = (EXAMPLES.parent / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    names = {
        word.removesuffix("_bucket")
        for text in asked
        for word in text.replace("(", " ").replace("{", " ").split()
        if "davy_" in word
    }
    names = {name.split("[")[0].rstrip(")") for name in names}
    assert {name for name in names if f"`{name}`" not in known} == set()


def test_folder_is_enhanced(folder: Path):
    run("enhance_folder.py", "pictures", "light", folder=folder)
    assert mean(folder / "light" / "dark.jpg") > 2 * mean(folder / "pictures" / "dark.jpg")


def test_picture_is_enhanced_in_five_lines(folder: Path):
    run("opencv_in_five_lines.py", "pictures/dark.jpg", "light.jpg", folder=folder)
    assert mean(folder / "light.jpg") > 2 * mean(folder / "pictures" / "dark.jpg")


def test_own_analyser_sees_the_dark_half(folder: Path):
    lines = run("own_analyser.py", "pictures", folder=folder).splitlines()
    assert lines[0].startswith("dark.jpg: ok")
    assert lines[1].startswith("half.png: ACTIVE")


def test_own_operator_is_differentiable(folder: Path):
    assert "found [0.5, 1.7]" in run("own_isp_operator.py", folder=folder)


def test_clip_finds_the_enhanced_picture_better_lit(folder: Path):
    raw, enhanced = run("any_open_clip_model.py", "pictures/dark.jpg", folder=folder).splitlines()
    shares = [int(line.split(": ")[1].split("%")[0]) for line in (raw, enhanced)]
    assert shares[1] > shares[0]


def test_frames_are_received_and_a_picture_is_enhanced_by_a_running_demo(folder: Path, demo: Demo):
    service = f"http://127.0.0.1:{demo.ports['8081']}"
    run("subscribe.py", "--frames", "3", "--out", "frames", folder=folder, **demo.shell())
    frames = list((folder / "frames").glob("demo.*.jpg"))
    assert frames
    for path in frames:
        with Image.open(path) as image:
            assert image.format == "JPEG"
    run("enhance_by_rest.py", "pictures/dark.jpg", "light.png", "--service", service, folder=folder, **demo.shell())
    assert mean(folder / "light.png") > 2 * mean(folder / "pictures" / "dark.jpg")
