import json

import pytest
from typer.testing import CliRunner

from davy_bench.cli import app


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


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
    assert "coffee.png is broken or no picture" in result.output


@pytest.mark.system
def test_the_mine_is_judged_per_place_with_its_flicker(tmp_path, monkeypatch):
    monkeypatch.setattr("davy_bench.quality.flicker.SPAN_S", 0.5)
    words = ("--seeds", "907", "--frames", "1", "--size", "160x96", "--methods", "gamma 2.2")
    result = run("mine", *words, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for said in ("conveyor:", "junction, away", "mine: over raw", "| PASS |"):
        assert said in result.output
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


def test_frames_are_held_to_half_a_point_of_highlights(folders, tmp_path):
    result = run("frames", folders[0], "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "never over 0.5 points" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("quality", "/none"), "/none is not a folder: give one that holds pictures"),
        (("mine", "--seeds", "7"), "seed 7 may have been trained on"),
        (("mine", "--seeds", "x"), "write numbers with commas"),
        (("mine", "--size", "big"), "is not WIDTHxHEIGHT"),
        (("relit", "--seeds", "901", "--methods", "magic"), "no method 'magic'"),
        (("report", "--data", "/none"), "/none is not a folder"),
    ],
)
def test_wrong_words_end_with_a_sentence_and_status_2(words, said, tmp_path):
    result = run(*words, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert said in result.output.replace("\n", " ")


def test_a_model_that_is_none_ends_with_status_1(folders, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no")
    result = run("quality", *folders, "--model", tmp_path / "model.onnx", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "model.onnx" in result.output


def test_real_frames_are_judged_without_references(folders, tmp_path):
    out = tmp_path / "out"
    result = run("real", folders[0], "--methods", "gamma+clahe,lime-like,fusion", "--out", out)
    assert result.exit_code == 0, result.output
    assert "visibility of the dark" in result.output
    assert "| fusion |" in result.output
    assert "with gamma+CLAHE" in result.output
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
def test_a_ranking_that_is_none_ends_with_a_sentence(text, folders, tmp_path):
    out, ranks = tmp_path / "out", tmp_path / "ranks.json"
    run("blind", folders[0], "--methods", "clahe", "--out", out)
    ranks.write_text(text)
    result = run("blind", folders[0], "--out", out, "--ranks", ranks)
    assert result.exit_code == 2
    assert "is no ranking" in result.output
