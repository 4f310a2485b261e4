import json

import pytest
from typer.testing import CliRunner

from davy_bench.cli import app

pytestmark = pytest.mark.system


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_quality_with_references_writes_table_figures_sheet_and_plots(folders, tmp_path):
    out = tmp_path / "out"
    result = run("quality", *folders, "--out", out, "--methods", "clahe,msrcr")
    assert result.exit_code == 0, result.output
    assert "| MSRCR |" in result.output
    names = {path.name for path in out.iterdir()}
    assert names == {"quality.md", "quality.json", "quality-sheet.jpg", "quality-pictures.png", "quality-cost.png"}
    assert json.loads((out / "quality.json").read_text())["pictures"] == 2


def test_quality_without_references_has_no_psnr(folders, tmp_path):
    result = run("quality", folders[0], "--out", tmp_path / "out", "--methods", "")
    assert result.exit_code == 0, result.output
    assert "PSNR / dB" not in result.output
    assert "noise gain" in result.output
    assert (tmp_path / "out" / "quality-clipped.png").exists()


def test_a_picture_that_cannot_be_read_is_named_with_a_count(folders, tmp_path):
    (folders[0] / "coffee.png").write_bytes(b"no")
    result = run("quality", *folders, "--out", tmp_path / "out", "--methods", "")
    assert result.exit_code == 0
    assert "1 skipped:" in result.output
    assert "coffee.png is broken or not a picture" in result.output


def test_the_mine_is_measured_per_place_with_its_flicker(tmp_path, monkeypatch):
    monkeypatch.setattr("davy_bench.quality.flicker.SPAN_S", 0.5)
    options = ("--seeds", "907", "--frames", "1", "--size", "160x96", "--methods", "gamma 2.2")
    result = run("mine", *options, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for text in ("conveyor:", "junction, away", "mine: gain over raw", "| PASS |"):
        assert text in result.output
    assert (tmp_path / "out" / "mine-flicker.png").exists()


def test_photographs_are_relit(folders, tmp_path):
    result = run("relit", folders[1], "--seeds", "901", "--methods", "", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "photographs relit as a mine: 2 pictures" in result.output


def test_well_lit_pictures_get_a_histogram(folders, tmp_path):
    result = run("well-lit", folders[1], "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "median / dB" in result.output
    assert (tmp_path / "out" / "well-lit-histogram.png").exists()


def test_frames_have_a_limit_of_half_a_point_of_highlights(folders, tmp_path):
    result = run("frames", folders[0], "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "at most 0.5 points" in result.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("quality", "/none"), "/none is not a folder: give a folder of pictures"),
        (("mine", "--seeds", "7"), "seed 7 may be a training seed"),
        (("mine", "--seeds", "x"), "write numbers separated by commas"),
        (("mine", "--size", "big"), "is not WIDTHxHEIGHT"),
        (("relit", "--seeds", "901", "--methods", "magic"), "unknown method 'magic'"),
        (("report", "--data", "/none"), "/none is not a folder"),
    ],
)
def test_a_usage_error_ends_with_status_2(arguments, text, tmp_path):
    result = run(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert text in result.output.replace("\n", " ")


def test_an_invalid_model_ends_with_status_1(folders, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no")
    result = run("quality", *folders, "--model", tmp_path / "model.onnx", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "model.onnx" in result.output


def test_real_frames_are_measured_without_references(folders, tmp_path):
    out = tmp_path / "out"
    result = run("real", folders[0], "--methods", "gamma+clahe,lime-like,fusion", "--out", out)
    assert result.exit_code == 0, result.output
    assert "visibility in the dark" in result.output
    assert "| fusion |" in result.output
    assert "than with gamma+CLAHE" in result.output
    assert {path.name for path in out.iterdir()} == {"real.md", "real.json", "real-sheet.jpg"}


def test_blind_pages_are_ranked_and_counted(folders, tmp_path):
    out, ranks = tmp_path / "out", tmp_path / "ranks.json"
    result = run("blind", folders[0], "--methods", "clahe", "--out", out)
    assert result.exit_code == 0, result.output
    key = json.loads((out / "key.json").read_text())
    ours = {page: next(letter for letter, name in letters.items() if name == "Davy") for page, letters in key.items()}
    ranks.write_text(json.dumps({page: letter + "AB".replace(letter, "") for page, letter in ours.items()}))
    result = run("blind", folders[0], "--out", out, "--ranks", ranks)
    assert "| Davy | 100 % | 1.00 |" in result.output


@pytest.mark.parametrize("text", ["no", '{"009": "AB"}', "[1]"])
def test_an_invalid_ranking_ends_with_an_error(text, folders, tmp_path):
    out, ranks = tmp_path / "out", tmp_path / "ranks.json"
    run("blind", folders[0], "--methods", "clahe", "--out", out)
    ranks.write_text(text)
    result = run("blind", folders[0], "--out", out, "--ranks", ranks)
    assert result.exit_code == 2
    assert "is not a ranking" in result.output
