import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest
from tests.fixtures.packages import WEIGHTS, bad_package, good_package, signing_key, trust

from davy.adapters.registry import ModelRegistry
from davy.errors import (
    ConfigError,
    ConflictError,
    ModelRefusedError,
    RegistryUnavailableError,
    StorageFullError,
    UnknownModelError,
)
from davy.model import KeySet, SigningKey
from davy.model.package import sign
from davy.runtime import shipped_model

GOOD, BLACK = good_package(), bad_package("black")


@pytest.fixture(params=["file", "memory"])
def registry(request, tmp_path):
    """The same on a file system and on a store of objects."""
    yield ModelRegistry(f"file://{tmp_path}/models" if request.param == "file" else "memory://models", trust())
    fsspec.filesystem("memory").store.clear()


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


def models(folder, *words) -> subprocess.CompletedProcess:
    environment = {**os.environ, "DAVY_REGISTRY": str(folder / "models"), "DAVY_KEYS": str(folder)}
    command = [sys.executable, "-m", "davy", "models", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, cwd=folder)


def test_the_command_line_packs_signs_lists_compares_and_deletes(tmp_path):
    trust().save(tmp_path / "trust.json")
    signing_key().save(tmp_path / f"{signing_key().id}.pem")
    added = models(
        tmp_path, "add", str(shipped_model()), str(WEIGHTS), "--figure", "val-psnr-db=23.4", "--tag", "stable", "--out", "p.zip"
    )
    assert added.returncode == 0, added.stderr
    model_id = added.stdout.split()[0]
    listed = models(tmp_path, "list").stdout
    assert model_id[:12] in listed
    assert "stable" in listed
    assert "val-psnr-db" in models(tmp_path, "show", "stable").stdout
    assert "good" in models(tmp_path, "verify", "p.zip").stdout
    second = models(
        tmp_path, "add", str(shipped_model()), str(WEIGHTS), "--parent", "stable", "--figure", "val-psnr-db=24"
    ).stdout.split()[0]
    assert "+0.6" in models(tmp_path, "compare", "stable", second).stdout
    assert models(tmp_path, "delete", "stable").returncode == 1
    assert models(tmp_path, "delete", second).returncode == 0
    failed = models(tmp_path, "show", "nothing")
    assert (failed.returncode, "Traceback" in failed.stderr) == (1, False)
