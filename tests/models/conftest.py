import pytest
from tests.fixtures import packages

from davy.models import KeySet, Package, SigningKey


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return packages.signing_key()


@pytest.fixture(scope="session")
def trust() -> KeySet:
    return packages.trust()


@pytest.fixture(scope="session")
def package() -> Package:
    return packages.good_package()
