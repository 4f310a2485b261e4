import pytest

from davy_simulator.world import Mine

EPOCH_NS = 1_767_225_600_000_000_000


@pytest.fixture(scope="session")
def mine() -> Mine:
    """One mine for all tests: its rock is cut once."""
    return Mine(seed=7, epoch_ns=EPOCH_NS)
