"""The lease of a leader on PostgreSQL, and what it keeps from a holder that has lost it."""

import threading
import time

import pytest
from sqlalchemy import delete

from davy.adapters.storage.config_store import ConfigStore, edge_config
from davy.adapters.storage.fenced import FencedDatabase, revision, revisions
from davy.adapters.storage.lease_store import LeaseStore, leader
from davy.adapters.storage.opening import connect_database, open_database
from davy.adapters.storage.replica_requests import LEADER, ReplicaRequests, replica_request
from davy.adapters.storage.shared_keys import get_shared_key, shared_key
from davy.domain.errors import ArchiveUnavailableError, StandbyError

pytestmark = pytest.mark.system
BRIEF_S, LONG_S = 0.05, 60.0


@pytest.fixture(scope="module")
def url(postgres):
    """One schema for all tests, as making the tables takes longer than most of them."""
    return postgres.database()


@pytest.fixture
def database(url, tmp_path):
    opened = open_database(tmp_path, url)
    with opened.unordered() as connection:
        for table in (leader, revision, replica_request, shared_key, edge_config):
            connection.execute(delete(table))
    yield opened
    opened.close()


@pytest.fixture
def reopen(url, tmp_path, database):
    """Connects to the same database again, as another process would."""
    opened = []

    def reopen():
        opened.append(connect_database(tmp_path, url))
        return opened[-1]

    yield reopen
    for each in opened:
        each.close()


@pytest.fixture
def first(database):
    return LeaseStore(database, "mine", "a", "first")


@pytest.fixture
def second(reopen):
    return LeaseStore(reopen(), "mine", "b", "second")


def fenced(database, lease, term):
    return FencedDatabase(database, lambda connection: lease.check(connection, term), "config")


def test_one_process_holds_the_lease_and_renews_its_term(first, second):
    assert first.hold(LONG_S).term == 1
    assert first.hold(LONG_S).term == 1
    seen = second.hold(LONG_S)
    assert (seen.holder, seen.name, seen.term) == ("a", "first", 1)


def test_an_expired_lease_passes_on_with_the_next_term(first, second):
    first.hold(BRIEF_S)
    time.sleep(2 * BRIEF_S)
    assert second.hold(LONG_S).term == 2
    assert first.hold(LONG_S).holder == "b"


def test_a_released_lease_is_taken_at_once(first, second):
    first.hold(LONG_S)
    first.release()
    assert second.hold(LONG_S).term == 2


def test_a_holder_that_was_late_keeps_its_term_if_nobody_took_the_lease(first):
    first.hold(BRIEF_S)
    time.sleep(2 * BRIEF_S)
    assert first.hold(LONG_S).term == 1


def test_many_processes_at_once_make_one_leader(reopen):
    stores = [LeaseStore(reopen(), "mine", f"p{number}", f"p{number}") for number in range(8)]
    found = []
    threads = [threading.Thread(target=lambda store=store: found.append(store.hold(LONG_S))) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({lease.holder for lease in found}) == 1
    assert {lease.term for lease in found} == {1}


def test_the_leases_of_two_sites_are_apart(database, first):
    first.hold(LONG_S)
    assert LeaseStore(database, "other", "b", "second").hold(LONG_S).holder == "b"


def test_a_holder_that_lost_the_lease_stores_no_decision(database, first, second):
    term = first.hold(BRIEF_S).term
    store = ConfigStore(fenced(database, first, term))
    store.add("north", {1: "{}"})
    time.sleep(2 * BRIEF_S)
    second.hold(LONG_S)
    with pytest.raises(StandbyError, match="second leads site mine"):
        store.add("north", {2: "{}"})
    assert store.all() == ["{}"]


def test_a_take_over_waits_for_a_decision_that_is_being_stored(database, first, second):
    term, taken = first.hold(BRIEF_S).term, []
    with fenced(database, first, term).transaction("config"):
        time.sleep(2 * BRIEF_S)
        thread = threading.Thread(target=lambda: taken.append(second.hold(LONG_S)))
        thread.start()
        thread.join(3 * BRIEF_S)
        assert not taken
    thread.join()
    assert taken[0].term == 2


def test_a_holder_frozen_inside_a_transaction_is_followed_within_three_seconds(database, first, second):
    term, begun_s = first.hold(BRIEF_S).term, time.monotonic()
    with pytest.raises(ArchiveUnavailableError), fenced(database, first, term).transaction("config"):
        lease = None
        while lease is None:
            try:
                found = second.hold(LONG_S)
                lease = found if found.holder == "b" else None
            except ArchiveUnavailableError:  # the lock is still held
                lease = None
        assert time.monotonic() - begun_s < 3


def test_the_lease_survives_a_restart_of_the_server(postgres, first, second):
    first.hold(LONG_S)
    postgres.restart()
    assert second.hold(LONG_S).holder == "a"
    assert first.hold(LONG_S).term == 1


def test_every_decision_grows_the_revision_of_its_noun(database, first):
    store = ConfigStore(fenced(database, first, first.hold(LONG_S).term))
    store.add("north", {1: "{}"})
    store.add("north", {2: "{}"})
    assert revisions(database) == {"config": 2}


def test_a_request_is_begun_once_and_answered_once(database, reopen):
    asker, leader, other = ReplicaRequests(database), ReplicaRequests(reopen()), ReplicaRequests(reopen())
    request = asker.ask(LEADER, "question")
    assert [(each.id, each.body) for each in leader.waiting()] == [(request, "question")]
    assert leader.begin(request, 1)
    assert not other.begin(request, 1)
    assert asker.fetch(request) is None
    leader.finish(request, "answer")
    assert asker.fetch(request) == "answer"
    assert asker.fetch(request) is None


def test_a_withdrawn_request_is_begun_by_nobody(database):
    requests = ReplicaRequests(database)
    request = requests.ask(LEADER, "question")
    assert requests.withdraw(request)
    assert not requests.begin(request)


def test_a_new_leader_answers_what_the_one_before_left_unfinished(database):
    requests = ReplicaRequests(database)
    request = requests.ask(LEADER, "question")
    requests.begin(request, 1)
    assert requests.abandon(2, "interrupted") == 1
    assert requests.fetch(request) == "interrupted"


def test_replicas_share_one_key(database, reopen):
    assert get_shared_key(database, "links") == get_shared_key(reopen(), "links", b"another")
    assert get_shared_key(database, "other", b"own") == b"own"
