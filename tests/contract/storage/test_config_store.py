from davy.adapters.storage.config_store import ConfigStore


def test_what_was_added_is_there_after_a_start_oldest_first(database, reopen):
    store = ConfigStore(database)
    store.add("north", {0: "as in the file", 3: "three"})
    store.add("north", {5: "five"})
    store.add("south", {4: "four"})
    assert ConfigStore(reopen()).all() == ["as in the file", "three", "five", "four"]


def test_the_oldest_go(database):
    store = ConfigStore(database, keep=2)
    for epoch in range(1, 6):
        store.add("north", {epoch: str(epoch)})
    store.add("south", {1: "south"})
    assert store.all() == ["4", "5", "south"]
