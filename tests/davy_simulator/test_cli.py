import cv2
import pytest
from typer.testing import CliRunner

from davy_simulator.cli import app

pytestmark = pytest.mark.system

SMALL = ["--size", "320x180", "--seconds", "0.3", "--fps", "10"]


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_png_shows_raw_beside_truth(tmp_path):
    result = run("render", tmp_path / "face.png", "--place", "face", "--view", "both", *SMALL)
    assert result.exit_code == 0, result.output
    assert cv2.imread(str(tmp_path / "face.png")).shape == (180, 640, 3)


def test_a_folder_gets_pairs(tmp_path):
    assert run("render", tmp_path / "pairs", *SMALL).exit_code == 0
    names = sorted(path.name for path in (tmp_path / "pairs").iterdir())
    assert len(names) == 6
    assert names[:2] == ["gallery-00000.00-raw.png", "gallery-00000.00-truth.png"]


def test_pairs_go_to_low_and_high_under_the_same_names(tmp_path):
    result = run("pairs", tmp_path, "--seeds", "3,4", "--frames", "1", "--size", "320x180")
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "low").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "high").iterdir())
    assert len(names) == 8 and names[:2] == ["conveyor-3__00000.00.png", "conveyor-4__00000.00.png"]
    brightness = [cv2.imread(str(tmp_path / kind / names[0])).mean() for kind in ("low", "high")]
    assert brightness[0] < brightness[1]


def test_seeds_that_are_no_numbers_are_told(tmp_path):
    result = run("pairs", tmp_path, "--seeds", "3,x")
    assert result.exit_code == 2 and "3,4,5" in result.output


def test_a_video_is_written(tmp_path):
    result = run("render", tmp_path / "out.mp4", *SMALL)
    assert result.exit_code == 0
    assert "3 frames" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "1280"], "WIDTHxHEIGHT"),
        (["--place", "cellar", "--size", "320x180"], "known cameras: gallery"),
        (["--size", "9999x9999"], "out of range"),
    ],
)
def test_wrong_words_end_with_status_2_and_what_to_write(tmp_path, words, said):
    result = run("render", tmp_path / "x.png", *words)
    assert result.exit_code == 2
    assert said in result.output


def test_an_unknown_kind_of_file_is_refused(tmp_path):
    result = run("render", tmp_path / "x.gif", *SMALL)
    assert result.exit_code == 2
    assert ".mp4 or .png" in result.output


def test_serve_refuses_a_port_that_is_no_port():
    assert run("serve", "--port", "99999").exit_code == 2


def test_truths_come_with_the_depth_of_what_they_show(tmp_path):
    result = run("truths", tmp_path, "--seeds", "3-4", "--frames", "1", "--size", "320x180")
    assert result.exit_code == 0, result.output
    assert len(list(tmp_path.iterdir())) == 16
    depth = cv2.imread(str(tmp_path / "gallery-3-00000.00.depth.png"), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == "uint16" and depth.shape == (180, 320)
    middle, edge = depth[60:120, 120:200].mean(), depth[:, -20:].mean()
    assert 500 < edge < middle < 65_000  # mm: the roadway recedes
