import asyncio
import os
import shutil
import subprocess

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.fixtures.packages import good_package, trust

from davy.access.roles import Role
from davy.adapters.storage.model_registry import Entry, ModelRegistry
from davy.domain.errors import ConfigError, ModelRefusedError, StorageFullError, TrainingError
from davy.imaging.runtime import shipped_model
from davy.models import KeySet, open_package
from davy.models.keyring import TRUST
from davy.models.shipped import shipped_tensors
from davy_cli.directory import open_directory
from davy_trainer.runs.package import PACKAGE, package_run
from davy_trainer.service.collect import fetch_running_model
from davy_trainer.service.publish import card, check_figures, describe, propose, register
from davy_trainer.service.record import Result, RunRecord
from davy_trainer.service.settings import TrainerSettings


@pytest.fixture
def record():
    result = Result(figures={"val-psnr-db": 20.0}, parent="a" * 64)
    return RunRecord(
        id="r1",
        kind="adapt",
        reason="drift",
        started_by="'ada' (engineer)",
        drifted=("north.face",),
        created_ns=1,
        result=result,
    )


@pytest.fixture
def folder(tmp_path):
    """Of a run whose training is done."""
    train = tmp_path / "run" / "train"
    train.mkdir(parents=True)
    shutil.copy(shipped_model(), train / "ispcnn.onnx")
    shutil.copy(shipped_tensors(), train / "ispcnn.safetensors")
    return train.parent


def finished(settings, record, folder) -> Entry:
    """What the worker does, but for the process between."""
    describe(record, folder)
    if not (folder / PACKAGE).exists():
        package_run(folder, settings.keys)
    return register(settings, record, folder)


def registry_of(settings) -> ModelRegistry:
    return ModelRegistry(settings.registry_url, KeySet.load(settings.keys / TRUST))


def test_a_model_is_kept_signed_with_its_run_its_parent_and_its_figures_and_only_once(settings, record, folder):
    given = settings()
    first, again = finished(given, record, folder), finished(given, record, folder)
    (entry,) = registry_of(given).entries()
    assert first.id == again.id == entry.id
    assert (entry.manifest.run, entry.manifest.parent, entry.manifest.figures) == ("r1", "a" * 64, {"val-psnr-db": 20.0})
    assert entry.tags == ("trained",)
    assert "north.face" in entry.card


def test_a_candidate_is_proposed_without_a_key_and_says_why_and_what_it_passed(settings, record, folder, tmp_path):
    given = settings(sign="person", keys=tmp_path / "nokeys")
    describe(record, folder)
    package_run(folder, None)
    first, again = propose(given, record, folder), propose(given, record, folder)
    registry = ModelRegistry(given.registry_url, KeySet())
    (entry,) = registry.candidates.entries()
    assert first == again == (entry.id, entry.frame_id)
    assert registry.entries() == []
    assert (entry.manifest.run, entry.manifest.parent, entry.manifest.figures) == ("r1", "a" * 64, {"val-psnr-db": 20.0})
    assert "Reason: drift." in entry.card
    assert entry.proposal.cause == "'ada' (engineer) started run r1: drift"
    assert entry.proposal.checks == ("every figure is a number",)
    with pytest.raises(ModelRefusedError, match="unsigned"):
        open_package((folder / PACKAGE).read_bytes(), KeySet(), None)


def test_a_service_that_does_not_sign_starts_no_rollout(settings):
    with pytest.raises(ValueError, match="DAVY_TRAINER_SIGN=itself"):
        settings(sign="person", rollout=True)
    assert TrainerSettings().signs is False


def test_without_a_key_nothing_is_kept(settings, record, folder, tmp_path):
    given = settings(keys=tmp_path / "nokeys")  # of a service that signs itself
    with pytest.raises(ConfigError, match="davy keys new"):
        finished(given, record, folder)
    assert registry_of(given).entries() == []


@pytest.mark.parametrize("size", ["400k", "1m"])
def test_f12_a_full_disk_leaves_the_registry_as_it_was(settings, record, folder, tmp_path, size):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)], capture_output=True)
    if os.geteuid() != 0 or mounted.returncode:
        pytest.skip("needs root for a small tmpfs")
    try:
        given = settings(registry=f"file://{small}")
        free = os.statvfs(small)
        (small / "other").write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 300_000)))
        with pytest.raises(StorageFullError):
            finished(given, record, folder)
        assert registry_of(given).entries() == []
        assert registry_of(given).tags() == {}
        (small / "other").unlink()
        if size == "1m":  # there is room again: the run goes on
            assert finished(given, record, folder).tags == () or registry_of(given).tags()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_tag_that_cannot_be_written_takes_the_model_with_it(settings, record, folder):
    given = settings()
    registry = registry_of(given)
    tags = given.data / "registry" / "tags"
    tags.parent.mkdir(parents=True)
    tags.write_text("a file where a folder should be")
    with pytest.raises(Exception, match="tags"):
        finished(given, record, folder)
    tags.unlink()
    assert registry.entries() == []


@pytest.mark.parametrize(
    ("figures", "text"),
    [
        ({"val-psnr-db": 18.0, "val-psnr-db-running": 19.0}, "18.00 dB"),
        ({"sample-luma": 0.05, "sample-luma-running": 0.4}, "mean luma"),
        ({"sample-luma": 0.95, "sample-luma-running": 0.4}, "mean luma"),
        ({"val-ssim": float("nan")}, "not a number"),
    ],
)
def test_a_model_that_is_clearly_worse_is_refused(figures, text):
    with pytest.raises(TrainingError, match=text):
        check_figures(figures, 0.2)


def test_a_model_that_is_about_as_good_passes():
    figures = {"val-psnr-db": 18.9, "val-psnr-db-running": 19.0, "sample-luma": 0.4, "sample-luma-running": 0.42}
    assert check_figures(figures, 0.2)[1:] == (
        "18.90 dB on the references, the running model 19.00 dB; at most 0.2 dB may be lost",
        "the mean luma of samples is 0.40, the running model's 0.42: neither black nor white",
    )
    check_figures({}, 0.2)


def test_the_card_says_what_began_the_run(record):
    assert "Reason: drift." in card(record)
    assert "| val-psnr-db | 20 |" in card(record)


@pytest.mark.system
async def test_through_a_closed_aggregator_the_trainer_proposes_and_reads_and_does_nothing_else(
    settings, record, folder, tmp_path, monkeypatch
):
    trust().save(tmp_path / "site" / "keys" / "trust.json")
    async with running(make_settings(tmp_path / "site", access="closed"), make_site()) as aggregator:
        with open_directory(tmp_path / "site", "") as directory:
            _, token = directory.add_token("train-1", Role.TRAINER, "", 1, "test")
        monkeypatch.setenv("DAVY_TOKEN", token)
        given = settings(sign="person", registry=aggregator.http, trust=tmp_path / "site" / "keys" / "trust.json")
        describe(record, folder)
        package_run(folder, None)
        model, frame_id = await asyncio.to_thread(propose, given, record, folder)
        headers = {"Authorization": f"Bearer {token}"}
        (candidate,) = (await aggregator.client.get("/v1/candidates", headers=headers)).json()["candidates"]
        assert (candidate["id"], candidate["frame_id"], candidate["run"]) == (model, frame_id, "r1")
        assert candidate["proposal"] == {
            "by": "'train-1' (trainer)",
            "cause": "'ada' (engineer) started run r1: drift",
            "checks": ["every figure is a number"],
        }
        assert (await aggregator.client.delete(f"/v1/candidates/{model}", headers=headers)).status_code == 403
        good = good_package()
        added = await aggregator.client.post("/v1/models", content=good.data, headers=headers, timeout=30)
        assert added.status_code == 201  # a signature is the permission
        running_model = given.model_copy(update={"model": good.id})
        assert await fetch_running_model(running_model, tmp_path / "running") == good.id
        assert (tmp_path / "running" / "ispcnn.onnx").read_bytes() == good.onnx
        foreign = given.model_copy(update={"model": good.id, "trust": tmp_path / "none.json"})
        with pytest.raises(ConfigError, match="foreign-key"):
            await fetch_running_model(foreign, tmp_path / "running")


def test_a_service_that_signs_needs_the_storage_of_its_registry(settings):
    with pytest.raises(ValueError, match="sign=itself needs the storage"):
        settings(registry="https://aggregator.mine.example:8080")
