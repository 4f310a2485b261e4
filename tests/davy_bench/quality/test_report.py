import shutil

import pytest

from davy_bench.quality import report
from davy_bench.quality.report import write_report


@pytest.mark.system
def test_the_page_has_every_section_and_excludes_the_photographs_of_the_data(folders, tmp_path, still, monkeypatch):
    monkeypatch.setattr(report, "SIZE", (160, 96))
    monkeypatch.setattr(report, "MINE_SEEDS", (907,))
    monkeypatch.setattr(report, "MINE_FRAMES", 1)
    monkeypatch.setattr(report, "RELIT_SEEDS", (901,))
    monkeypatch.setattr(report, "BASELINES", {"CLAHE": None})
    monkeypatch.setattr(report, "bundled_photographs", lambda: report.folder_photographs(folders[1])[:1])
    monkeypatch.setattr("davy_bench.quality.flicker.SPAN_S", 0.5)
    data = tmp_path / "data"
    for source, target in zip((*folders, folders[1]), ("val/lol20/low", "val/lol20/high", "train/normal/cid22"), strict=True):
        shutil.copytree(source, data / target)
    bars = []

    def bar(title):
        bars.append(title)
        return lambda done, total: None

    page, checks = write_report(data, tmp_path / "out", tmp_path / "private", still, 1, bar)
    text = page.read_text()
    for text in (
        "simulated mine",
        "relit",
        "val/lol20",
        "Flicker",
        "Not measured, as the data is missing: train/low/underground",
    ):
        assert text.lower() in text.lower()
    assert {check.name.split(":")[0] for check in checks} >= {"mine", "relit", "val/lol20", "well-lit"}
    assert {path.name for path in (tmp_path / "out").glob("*-sheet.jpg")} == {"mine-sheet.jpg", "relit-sheet.jpg"}
    assert {path.name for path in (tmp_path / "private").iterdir()} == {
        "relit-lol-sheet.jpg",
        "lol20-sheet.jpg",
        "well-lit-sheet.jpg",
    }
    assert bars == ["mine", "video", "relit", "relit-lol", "lol20", "well-lit"]
    for line in text.splitlines():
        for name in (link.split(")")[0] for link in line.split("](")[1:]):
            assert (tmp_path / "out" / name).is_file(), name


def test_without_data_the_page_lists_the_missing_folders(tmp_path, still, monkeypatch):
    monkeypatch.setattr(report, "_mine", lambda report: None)
    monkeypatch.setattr(report, "_relit", lambda report, photographs: report.out.mkdir())
    page, _ = write_report(None, tmp_path / "out", tmp_path / "private", still, 1, lambda title: lambda done, total: None)
    assert "val/lol20, train/normal/cid22, train/low/underground" in page.read_text()
