import pytest


@pytest.fixture(autouse=True)
def decisive(monkeypatch):
    """A controller that looks ten times a second: the tests wait for it."""
    monkeypatch.setattr("davy_aggregator.rollout.service.STEP_S", 0.1)
