import stat

from davy.adapters.storage.config_store import ConfigStore


def test_what_was_added_is_there_after_a_start_oldest_first(tmp_path):
    store = ConfigStore(tmp_path / "configs.db")
    store.add("north", {0: "as in the file", 3: "three"})
    store.add("north", {5: "five"})
    store.add("south", {4: "four"})
    store.close()
    assert ConfigStore(tmp_path / "configs.db").all() == ["as in the file", "three", "five", "four"]


def test_the_oldest_go(tmp_path):
    store = ConfigStore(tmp_path / "configs.db", keep=2)
    for epoch in range(1, 6):
        store.add("north", {epoch: str(epoch)})
    store.add("south", {1: "south"})
    assert store.all() == ["4", "5", "south"]


def test_nobody_else_reads_the_passwords_in_it(tmp_path):
    ConfigStore(tmp_path / "configs.db").add("north", {1: "rtsp://admin:s3cret@cam"})
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())
