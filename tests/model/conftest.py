"""Packages made of the shipped weights, and keys to sign them with."""

from pathlib import Path

import pytest

import davy.nets
from davy.model import KeySet, Package, SigningKey, pack
from davy.model.package import Provenance
from davy.runtime import shipped_model

WEIGHTS = Path(davy.nets.__file__).parent / "weights" / "ispcnn.safetensors"


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture(scope="session")
def trust(key) -> KeySet:
    return KeySet().with_key(key.trusted(days=365))


@pytest.fixture(scope="session")
def package(key) -> Package:
    figures = {"val-psnr-db": 23.2}
    return pack(shipped_model().read_bytes(), WEIGHTS.read_bytes(), "# A card", key, Provenance(run="r1", figures=figures))
