"""JPEG files that lack their end, on every path of the enhancer."""

import io
import zipfile
from pathlib import Path

import pytest

from davy.files import OutputOptions
from davy.imaging.runtime import StillEnhancer
from davy_cli.main import main
from davy_enhancer.jobs.bundle import Limits, enhance_archive
from davy_enhancer.processing import EnhanceRequest, process_request

NOTE = "the file lacks its end marker; its picture is complete"


async def test_rest_accepts_a_picture_without_its_end_marker_with_a_note(service, dark_jpeg: bytes):
    answer = await service.http.post("/v1/enhance", content=dark_jpeg[:-2])
    assert (answer.status_code, answer.headers["davy-notes"]) == (200, NOTE)
    full = await service.http.post("/v1/enhance", content=dark_jpeg)
    assert "davy-notes" not in full.headers
    cut = await service.http.post("/v1/enhance", content=dark_jpeg[: len(dark_jpeg) - 300])
    assert (cut.status_code, "truncated" in cut.json()["detail"]) == (422, True)


def test_a_request_carries_the_note(dark_jpeg: bytes):
    assert process_request(StillEnhancer(), EnhanceRequest(dark_jpeg[:-1])).notes == (NOTE,)


def test_a_zip_names_the_member_with_the_note(dark_jpeg: bytes, tmp_path: Path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as writer:
        writer.writestr("a.jpg", dark_jpeg[:-2])
    (tmp_path / "in.zip").write_bytes(packed.getvalue())
    limits = Limits(10**7, 10**7, 10**7)
    outcome = enhance_archive(
        tmp_path / "in.zip", tmp_path / "out.zip", StillEnhancer(), OutputOptions(), limits, lambda _: None
    )
    assert (outcome.notes, outcome.failures) == ([f"a.jpg: {NOTE}"], [])


@pytest.mark.parametrize("lost", [1, 2])
def test_the_command_line_takes_it_with_a_note(lost: int, dark_jpeg: bytes, tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "a.jpg").write_bytes(dark_jpeg[:-lost])
    monkeypatch.setattr("sys.argv", ["davy", "enhance", str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")])
    assert main() == 0
    assert NOTE in capsys.readouterr().err
