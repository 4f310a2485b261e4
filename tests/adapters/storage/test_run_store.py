import pytest

from davy.adapters.storage.run_store import RunStore
from davy.domain.errors import ArchiveUnavailableError, ConflictError, UnknownRunError


@pytest.fixture
def store(tmp_path):
    made = RunStore(tmp_path / "runs.db", keep_events=3)
    yield made
    made.close()


def allow(bodies: list[str]) -> None: ...


def test_runs_come_back_in_order_also_to_another_service(store, tmp_path):
    for name in ("b", "a"):
        store.add(name, f"body {name}", allow)
    other = RunStore(tmp_path / "runs.db")
    assert other.runs() == store.runs() == ["body b", "body a"]
    other.close()


def test_a_run_that_is_not_allowed_is_not_kept(store):
    def refuse(bodies: list[str]) -> None:
        raise ConflictError(f"{len(bodies)} are there")

    with pytest.raises(ConflictError, match="0 are there"):
        store.add("a", "body", refuse)
    assert store.runs() == []


def test_a_change_and_its_events_are_stored_together_or_not_at_all(store):
    store.add("a", "1", allow)
    assert store.change("a", lambda body: (body + "2", [("state", "x")])) == "12"

    def fails(body: str) -> tuple[str, list[tuple[str, str]]]:
        raise ConflictError("no")

    with pytest.raises(ConflictError):
        store.change("a", fails)
    assert store.get("a") == "12"
    assert [(event.kind, event.body) for event in store.events("a")] == [("state", "x")]


def test_events_go_on_after_the_last_seen_and_only_the_newest_are_kept(store):
    store.add("a", "", allow)
    store.add("b", "", allow)
    store.change("b", lambda body: (body, [("state", "other")]))
    for index in range(5):
        store.change("a", lambda body, index=index: (body, [("progress", str(index))]))
    kept = store.events("a")
    assert [event.body for event in kept] == ["2", "3", "4"]
    assert [event.body for event in store.events("a", after=kept[0].id)] == ["3", "4"]
    assert [event.body for event in store.events("b")] == ["other"]


def test_a_forgotten_or_unknown_run_is_unknown(store):
    store.add("a", "", allow)
    store.forget("a")
    for ask in (lambda: store.get("a"), lambda: store.change("a", lambda body: (body, []))):
        with pytest.raises(UnknownRunError, match="'a'"):
            ask()


def test_two_runs_of_one_id_and_a_file_that_cannot_be_used_are_refused(store, tmp_path):
    store.add("a", "", allow)
    with pytest.raises(ConflictError):
        store.add("a", "", allow)
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveUnavailableError):
        RunStore(tmp_path / "file" / "runs.db")
