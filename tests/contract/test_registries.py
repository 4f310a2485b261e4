import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from tests.fixtures.candidates import candidate
from tests.fixtures.object_store import running_object_store
from tests.fixtures.packages import WEIGHTS, bad_package, good_package, signing_key, trust

from davy.adapters.media import jpeg
from davy.adapters.storage import candidate_registry
from davy.adapters.storage.candidate_registry import Proposal
from davy.adapters.storage.model_registry import ModelRegistry
from davy.domain.errors import (
    ConfigError,
    ConflictError,
    ModelRefusedError,
    RegistryUnavailableError,
    StorageFullError,
    UnknownModelError,
)
from davy.imaging.runtime import shipped_model
from davy.models import KeySet, SigningKey
from davy.models.golden import make_inputs
from davy.models.package import sign
from davy_cli.main import main

pytestmark = pytest.mark.system

GOOD, BLACK = good_package(), bad_package("black")


@pytest.fixture(scope="module")
def object_store():
    with running_object_store() as server:
        yield server


@pytest.fixture(params=["file", pytest.param("s3", marks=[pytest.mark.system, pytest.mark.slow])])
def registry(request, tmp_path):
    """The same on a file system and on a store of objects."""
    if request.param == "file":
        return ModelRegistry(f"file://{tmp_path}/models", trust())
    return ModelRegistry(request.getfixturevalue("object_store").bucket(), trust())


def test_what_was_added_is_listed_found_and_read(registry):
    entry = registry.add(GOOD.data)
    assert [each.id for each in registry.entries()] == [GOOD.id]
    registry.tag(entry, "stable")
    for name in (GOOD.id, GOOD.id[:8], "stable", GOOD.manifest.frame_id):
        assert registry.get(name).id == GOOD.id
    assert registry.get("stable").tags == ("stable",)
    assert registry.read(entry) == GOOD.data
    assert registry.open(entry).onnx == GOOD.onnx
    assert registry.add(GOOD.data) == registry.get(GOOD.id)  # again: as it was


def test_unknown_and_ambiguous_names_say_so(registry):
    registry.add(GOOD.data)
    registry.add(good_package("r2").data)
    for name in ("zz", GOOD.id[:3], "0" * 64, GOOD.manifest.frame_id):  # two models of one network
        with pytest.raises(UnknownModelError, match="model"):
            registry.get(name)
    for tag in ("", "Stable", "-x", "a/b", "abcd1234", "../x"):
        with pytest.raises(ConfigError, match="tag"):
            registry.tag(registry.get(GOOD.id), tag)


def test_f20_what_is_not_signed_by_a_trusted_key_is_not_taken(registry):
    foreign = sign(GOOD.manifest, {name: GOOD.files[name] for name in GOOD.manifest.files}, SigningKey.generate())
    with pytest.raises(ModelRefusedError, match="foreign-key"):
        registry.add(foreign.data)
    assert registry.entries() == []


def test_a_tag_moves_and_protects(registry):
    one, two = registry.add(GOOD.data), registry.add(BLACK.data)
    registry.tag(one, "stable")
    registry.tag(two, "stable")
    assert registry.get(one.id).tags == ()
    with pytest.raises(ConflictError, match="tag"):
        registry.delete(registry.get(two.id))
    with pytest.raises(ConflictError, match="runs"):
        registry.delete(one, protected=[one.id])
    registry.untag("stable")
    registry.delete(registry.get(two.id))
    assert [each.id for each in registry.entries()] == [one.id]


def test_the_retention_rule_keeps_the_newest_the_tagged_and_what_runs(registry):
    entries = [registry.add(good_package(f"run-{index}").data, run=False) for index in range(5)]
    registry.tag(entries[0], "first")
    newest = [each.id for each in registry.entries()][:1]
    runs = next(each.id for each in entries[1:] if each.id not in newest)
    assert registry.retire(1, timedelta(days=1)) == []
    would = registry.retire(1, timedelta(0), [runs], dry_run=True)
    gone = registry.retire(1, timedelta(0), [runs])
    assert [each.id for each in would] == [each.id for each in gone]
    assert {each.id for each in registry.entries()} == {*newest, entries[0].id, runs}


def test_signed_again_by_a_new_key_it_is_the_same_model(tmp_path):
    second = SigningKey.generate()
    registry = ModelRegistry(str(tmp_path), trust().with_key(second.trusted(30)))
    registry.add(GOOD.data)
    again = registry.add(sign(GOOD.manifest, {name: GOOD.files[name] for name in GOOD.manifest.files}, second).data)
    assert (again.id, again.key) == (GOOD.id, second.id)
    assert len(list((tmp_path / "packages").iterdir())) == 1


def test_a_package_that_the_storage_altered_is_not_given_out(tmp_path):
    registry = ModelRegistry(str(tmp_path), trust())
    entry = registry.add(GOOD.data)
    (path,) = (tmp_path / "packages").iterdir()
    path.write_bytes(GOOD.data[:5000] + b"?" + GOOD.data[5001:])
    with pytest.raises(ModelRefusedError):
        registry.read(entry)
    (tmp_path / "models" / f"{BLACK.id}.json").write_text("{}")  # a damaged entry hides no other
    assert [each.id for each in registry.entries()] == [GOOD.id]


@pytest.mark.parametrize("place", ["atomic.written", "registry.package"])
def test_f12_a_crash_while_adding_leaves_nothing_to_see(tmp_path, place):
    package = tmp_path / "x.zip"
    package.write_bytes(GOOD.data)
    trust().save(tmp_path / "trust.json")
    words = [
        sys.executable,
        "-m",
        "davy",
        "models",
        "add",
        str(package),
        "--registry",
        str(tmp_path / "m"),
        "--keys",
        str(tmp_path),
    ]
    killed = subprocess.run(words, env={**os.environ, "DAVY_FAILPOINT": place}, timeout=30)
    assert killed.returncode == -9
    registry = ModelRegistry(str(tmp_path / "m"), trust())
    assert registry.entries() == []
    for path in (tmp_path / "m" / "packages").iterdir():
        os.utime(path, (0, 0))
    registry.sweep()
    assert not [path for path in (tmp_path / "m" / "packages").iterdir() if path.suffix == ".zip"]
    assert registry.add(GOOD.data).id == GOOD.id


def test_f12_a_full_disk_is_told_and_nothing_half_is_seen(tmp_path, monkeypatch):
    if not Path("/dev/full").exists() or os.geteuid() != 0:
        pytest.skip("needs root for a small tmpfs")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        registry = ModelRegistry(str(small), trust())
        with pytest.raises(StorageFullError):
            registry.add(GOOD.data)
        assert registry.entries() == []
        assert not list((small / "packages").iterdir())
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_storage_that_is_away_or_unknown_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match="registry"):
        ModelRegistry("nosuch://x", KeySet())
    (tmp_path / "packages").write_text("a file where a folder should be")
    with pytest.raises(RegistryUnavailableError):
        ModelRegistry(str(tmp_path), trust()).add(GOOD.data)


def test_a_bucket_that_is_missing_is_not_made(object_store):
    with pytest.raises(RegistryUnavailableError):
        ModelRegistry("s3://mistyped/models", trust()).add(GOOD.data)


@pytest.fixture
def models(tmp_path, monkeypatch, capsys):
    """Runs `davy models` as typed; returns the exit status, what it printed, and what it complained about."""
    monkeypatch.setenv("DAVY_REGISTRY", str(tmp_path / "models"))
    monkeypatch.setenv("DAVY_KEYS", str(tmp_path))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["davy", "models", *words])
        return (main(), *capsys.readouterr())

    return run


def test_the_command_line_packs_signs_lists_compares_and_deletes(tmp_path, models):
    trust().save(tmp_path / "trust.json")
    signing_key().save(tmp_path / f"{signing_key().id}.pem")
    package, sheet = tmp_path / "p.zip", tmp_path / "sheet.jpg"
    files = (str(shipped_model()), str(WEIGHTS))
    status, said, fault = models("add", *files, "--figure", "val-psnr-db=23.4", "--tag", "stable", "--out", str(package))
    assert status == 0, fault
    model_id = said.split()[0]
    assert {model_id[:12], "stable"} <= set(models("list")[1].split())
    assert "val-psnr-db" in models("show", "stable")[1]
    assert "valid" in models("verify", str(package))[1]
    second = models("add", *files, "--parent", "stable", "--figure", "val-psnr-db=24")[1].split()[0]
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").write_bytes(jpeg.encode(make_inputs()[0]))
    compared = models("compare", "stable", second, "--images", str(tmp_path / "pictures"), "--out", str(sheet))
    assert "+0.6" in compared[1]
    assert jpeg.decode(sheet.read_bytes()).shape == (64, 3 * 96, 3)
    assert models("tag", second, "next")[0] == 0
    assert models("delete", "stable")[0] == 1
    assert "would go" not in models("delete", "--keep", "0", "--days", "0", "--dry-run")[1]
    assert models("tag", second, "next", "--remove")[0] == 0
    assert second[:12] in models("delete", "--keep", "0", "--days", "0")[1]
    for wrong in (
        ("show", "nothing"),
        ("delete",),
        ("add", "nowhere.zip"),
        ("add", "a.onnx", "b.txt"),
        ("compare", "stable", "x"),
    ):
        status, _, fault = models(*wrong)
        assert (status, fault[:13]) == (1, "davy models: "), wrong


def test_a_candidate_is_listed_apart_and_is_no_model(registry):
    proposal = Proposal(by="trainer", cause="drift of north.face", checks=("every figure is a number",))
    entry = registry.candidates.propose(candidate().data, proposal)
    assert registry.candidates.propose(candidate().data, Proposal()) == entry  # again: as it was
    for name in (entry.id, entry.id[:8], entry.frame_id):
        assert registry.candidates.get(name).proposal == proposal
    assert registry.candidates.read(entry) == candidate().data
    assert registry.entries() == []
    with pytest.raises(UnknownModelError, match="davy models sign"):
        registry.get(entry.id[:12])
    with pytest.raises(ModelRefusedError, match="unsigned"):
        registry.add(candidate().data)


def test_a_signed_candidate_becomes_a_model_and_is_not_proposed_again(registry):
    entry = registry.candidates.propose(candidate().data, Proposal())
    added = registry.add(candidate().sign(signing_key()).data)
    assert added.id == entry.id
    assert registry.candidates.entries() == []
    registry.candidates.propose(candidate().data, Proposal())
    assert registry.candidates.entries() == []


def test_candidates_are_bounded_and_can_be_deleted(registry, monkeypatch):
    monkeypatch.setattr(candidate_registry, "MAX_CANDIDATES", 1)
    entry = registry.candidates.propose(candidate().data, Proposal(), run=False)
    with pytest.raises(ConflictError, match="sign or delete some"):
        registry.candidates.propose(candidate("c2").data, Proposal(), run=False)
    registry.candidates.delete(entry.id)
    assert registry.candidates.propose(candidate("c2").data, Proposal(), run=False).manifest.run == "c2"
    with pytest.raises(UnknownModelError, match="no such candidate"):
        registry.candidates.get(entry.id)


def test_a_package_with_a_signature_is_no_candidate(registry):
    with pytest.raises(ModelRefusedError, match="signature already"):
        registry.candidates.propose(GOOD.data, Proposal())
