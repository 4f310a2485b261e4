import pytest

from davy.adapters.storage.rollout_store import RolloutStore
from davy.domain.errors import ArchiveUnavailableError


def test_a_rollout_and_its_desired_models_are_there_after_a_restart(database, reopen):
    store = RolloutStore(database)
    store.save("r1", "begun", {"north": "m1", "south": "m1"})
    store.save("r2", "begun", {})
    store.save("r1", "done", {"north": "m2"})
    again = RolloutStore(reopen())
    assert again.rollouts() == ["done", "begun"]
    assert again.desired() == {"north": "m2", "south": "m1"}


def test_the_newest_rollouts_are_kept_however_often_one_changes(database):
    store = RolloutStore(database, keep=3)
    for number in range(5):
        for step in range(4):
            store.save(f"r{number}", f"r{number} step {step}", {})
    assert store.rollouts() == ["r2 step 3", "r3 step 3", "r4 step 3"]


def test_a_rollout_whose_desired_models_cannot_be_stored_is_not_stored_either(database):
    store = RolloutStore(database)
    with pytest.raises(ArchiveUnavailableError):
        store.save("r1", "begun", {"north": None})
    assert store.rollouts() == []
