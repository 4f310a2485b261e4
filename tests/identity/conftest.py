import pytest

from davy.identity import Authority


@pytest.fixture
def authority(tmp_path):
    return Authority.create(tmp_path / "ca", "demo")
