import threading

import pytest

from davy.adapters.storage.run_store import RunStore
from davy.domain.errors import ConflictError, UnknownRunError


@pytest.fixture
def store(database):
    return RunStore(database, keep_events=3)


def allow(bodies: list[str]) -> None: ...


def test_runs_come_back_in_order_also_to_another_service(store, reopen):
    for name in ("b", "a"):
        store.add(name, f"body {name}", allow)
    other = RunStore(reopen())
    assert other.runs() == store.runs() == ["body b", "body a"]


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


def test_a_second_run_of_one_id_is_refused(store):
    store.add("a", "1", allow)
    with pytest.raises(ConflictError):
        store.add("a", "2", allow)
    assert store.runs() == ["1"]


def test_a_check_holds_until_its_run_is_stored_whichever_service_asks(store, reopen):
    def only_one(bodies: list[str]) -> None:
        if bodies:
            raise ConflictError("one is there")

    refused = []

    def add(name: str, through: RunStore) -> None:
        try:
            through.add(name, name, only_one)
        except ConflictError:
            refused.append(name)

    services = [store, *(RunStore(reopen()) for _ in range(3))]
    threads = [threading.Thread(target=add, args=(f"run-{n}", each)) for n, each in enumerate(services)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.runs()) == 1
    assert len(refused) == 3
