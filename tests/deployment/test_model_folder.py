from datetime import UTC, datetime, timedelta

import pytest
from tests.fixtures.packages import good_package, signing_key, trust

from davy.deployment.model_folder import ModelFolder
from davy.domain.errors import ModelRefusedError
from davy.models import MAX_PACKAGE_BYTES, KeySet
from davy.twin.model import Target

GOOD = good_package()
TARGET = Target(model=GOOD.id, sha256=GOOD.sha256, size=len(GOOD.data), key=GOOD.signature.key)


@pytest.fixture
def disk(tmp_path) -> ModelFolder:
    trust().save(tmp_path / "trust.json")
    return ModelFolder(tmp_path / "models", tmp_path / "trust.json")


def cause(call, *args) -> str:
    with pytest.raises(ModelRefusedError) as caught:
        call(*args)
    return caught.value.cause


def test_a_download_is_admitted_and_reopened(disk, tmp_path):
    disk.partial(TARGET).write_bytes(GOOD.data)
    assert disk.admit(TARGET, None).id == GOOD.id
    assert disk.open(GOOD.id).onnx == GOOD.onnx
    assert not list((tmp_path / "models" / "partial").iterdir())


def test_f20_a_download_with_another_digest_is_removed(disk):
    disk.partial(TARGET).write_bytes(GOOD.data[:-1] + b"?")
    assert cause(disk.admit, TARGET, None) == "digest"
    assert not disk.partial(TARGET).exists()
    other = TARGET.model_copy(update={"model": "0" * 64})
    disk.partial(other).write_bytes(GOOD.data)
    assert cause(disk.admit, other, None) == "digest"


def test_a_package_that_would_be_too_large_is_not_begun(disk):
    for size in (0, MAX_PACKAGE_BYTES + 1):
        assert cause(disk.partial, TARGET.model_copy(update={"size": size})) == "too-large"


@pytest.mark.proves("P5")
def test_f20_an_altered_package_or_a_revoked_key_is_rejected(disk, tmp_path):
    disk.partial(TARGET).write_bytes(GOOD.data)
    disk.admit(TARGET, None)
    path = tmp_path / "models" / "packages" / f"{GOOD.id}.zip"
    path.write_bytes(GOOD.data[:-1] + b"?")
    assert cause(disk.open, GOOD.id) == "not-canonical"
    path.write_bytes(good_package("other").data)
    assert cause(disk.open, GOOD.id) == "digest"
    path.write_bytes(GOOD.data)
    revoked = signing_key().trusted(30).model_copy(update={"revoked": datetime.now(UTC)})
    KeySet().with_key(revoked).save(tmp_path / "trust.json")
    assert cause(disk.open, GOOD.id) == "key-revoked"


def test_f13_the_clock_is_not_before_the_newest_model_that_was_admitted(disk, tmp_path):
    ended = signing_key().trusted(days=30, starts=datetime.now(UTC) - timedelta(days=20))
    KeySet().with_key(ended).save(tmp_path / "trust.json")
    disk.partial(TARGET).write_bytes(GOOD.data)
    disk.admit(TARGET, None)  # 10 days are left
    disk.partial(TARGET).write_bytes(GOOD.data)
    assert cause(disk.admit, TARGET, datetime.now(UTC) + timedelta(days=20)) == "key-expired"
    assert disk.open(GOOD.id).id == GOOD.id  # what was admitted runs on


def test_p6_unused_packages_are_removed(disk, tmp_path):
    for package in (GOOD, good_package("other")):
        target = Target(model=package.id, sha256=package.sha256, size=len(package.data))
        disk.partial(target).write_bytes(package.data)
        disk.admit(target, None)
    disk.partial(TARGET).write_bytes(b"half")
    disk.remove_all_but(GOOD.id, "")
    assert [path.stem for path in (tmp_path / "models" / "packages").iterdir()] == [GOOD.id]
    assert not list((tmp_path / "models" / "partial").iterdir())
