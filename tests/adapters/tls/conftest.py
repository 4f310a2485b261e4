import pytest
from tests.fixtures.identities import Identities


@pytest.fixture
def identities(tmp_path):
    return Identities.make(tmp_path / "identities")
