"""Partitions of events in PostgreSQL; what they have in common with SQLite is in tests/contract/storage."""

import time
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text
from tests.fixtures.postgres import running_postgres

from davy.adapters.storage import event_partitions
from davy.adapters.storage.event_partitions import PERIODS, STEP, EventPartitions
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.event_tables import BLOCK
from davy.adapters.storage.opening import open_database
from davy.domain.event import EventQuery, EventRecord

pytestmark = pytest.mark.system
S = 10**9
AGE_S = 1200.0  # a period of 100 s
PERIOD = int(AGE_S / PERIODS * S)


@pytest.fixture(scope="module")
def postgres():
    with running_postgres() as server:
        yield server


@pytest.fixture
def url(postgres):
    return postgres.database()


@pytest.fixture
def database(url, tmp_path):
    found = open_database(tmp_path, url)
    yield found
    found.close()


@pytest.fixture
def clock(monkeypatch):
    """The store's clock."""

    class Clock:
        now_ns = 1_790_000_000 * S

    monkeypatch.setattr(time, "time_ns", lambda: Clock.now_ns)
    return Clock


@pytest.fixture
def store(database, clock):
    return EventStore(database, max_age_s=AGE_S)


def event(seq: int, **changes) -> EventRecord:
    return replace(EventRecord("mine", "north", "b1", seq, "north.face", seq * S, 1, "motion", "something moves"), **changes)


def partitions(database) -> list[str]:
    wanted = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass('event') ORDER BY 1"
    with database.read() as connection:
        return list(connection.scalars(text(wanted)))


def pass_periods(store, clock, count: int, seq: int = 0) -> None:
    """Let some periods pass, with an event in each."""
    for _ in range(count):
        seq += 1
        store.add([event(seq, keyframe=b"jpeg")])
        clock.now_ns += PERIOD
        store.prune()


def test_a_period_has_a_partition_and_ids_stay_in_order(store, database, clock):
    pass_periods(store, clock, 3)
    assert [each.id for each in store.query(EventQuery())] == [2 * STEP, STEP, 1]
    assert partitions(database) == ["event_p0", "event_p1", "event_p2", "event_p3"]
    assert store.keyframe(STEP) == b"jpeg"


def test_a_site_without_events_gets_no_partitions(store, database, clock):
    pass_periods(store, clock, 1)
    for _ in range(5):
        clock.now_ns += PERIOD
        store.prune()
    assert partitions(database) == ["event_p0", "event_p1", "event_p2"]


def test_an_event_is_stored_once_over_partitions(store, clock):
    pass_periods(store, clock, 2)
    assert store.add([event(1), event(2), event(3), event(3)]) == [store.query(EventQuery(limit=1))[0]]
    assert [each.seq for each in store.query(EventQuery())] == [3, 2, 1]


def test_age_drops_whole_partitions_with_their_keyframes_and_bytes(store, database, clock):
    pass_periods(store, clock, PERIODS + 3)
    assert "event_p0" not in partitions(database)
    oldest = store.query(EventQuery(after=0, limit=1))[0]
    assert clock.now_ns - oldest.received_ns <= (AGE_S * S) + PERIOD
    clock.now_ns += 2 * int(AGE_S * S)
    store.prune()
    assert store.query(EventQuery()) == []
    assert store.size_bytes() == 0
    assert len(partitions(database)) == 2
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM event_block").scalar_one() <= 1


def test_a_partition_that_is_being_read_is_dropped_later(store, database, url, clock, monkeypatch):
    monkeypatch.setattr(event_partitions, "LOCK_WAIT_S", 0.05)
    pass_periods(store, clock, 1)
    clock.now_ns += int(AGE_S * S) - PERIOD // 2
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM event LIMIT 1")
        assert store.prune() == 0
    assert store.prune() == 1


def test_half_of_the_ids_end_a_period_early(store, database):
    store.add([event(1)])
    with database.transaction("test") as connection:
        connection.execute(text(f"SELECT setval('event_id_seq', {STEP // 2 + 1})"))
    EventPartitions(database).advance(AGE_S)
    assert store.add([event(2)])[0].id == STEP


def test_a_page_of_a_time_range_is_the_same_by_blocks(store):
    store.add([event(seq) for seq in range(1, 101)])
    store.add([event(1000, occurred_ns=5 * S), event(1001, occurred_ns=2**62)])
    ranges = [(4 * S, 6 * S), (None, 3 * S), (99 * S, None), (200 * S, 300 * S)]
    found = [[each.seq for each in store.query(EventQuery(since_ns=since, until_ns=until))] for since, until in ranges]
    assert found == [[1000, 5, 4], [2, 1], [1001, 100, 99], []]
    up = store.query(EventQuery(since_ns=4 * S, until_ns=6 * S, after=4, limit=2))
    assert [each.seq for each in up] == [5, 1000]
    before = store.query(EventQuery(until_ns=6 * S, before=5, limit=2))
    assert [each.seq for each in before] == [4, 3]


def test_a_table_of_before_becomes_the_first_partition_and_keeps_its_rows(tmp_path, url, monkeypatch):
    """The tables as 0009 left them, filled."""
    from alembic import command
    from alembic.config import Config

    from davy.adapters.storage import migrate, opening

    def upgrade_to_0009(connection, _name):
        config = Config()
        config.set_main_option("script_location", migrate.SCRIPTS)
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")

    monkeypatch.setattr(opening, "upgrade", upgrade_to_0009)
    old = opening.open_schema(tmp_path, url)
    columns = "site, edge, boot_id, seq, camera, occurred_ns, received_ns, severity, kind, message, figures"
    with old.transaction("test") as connection:
        rows = f"SELECT 'mine', 'north', 'b1', n, 'north.face', CAST(n AS BIGINT) * {S}, n, 1, 'motion', 'm', '{{}}'"
        connection.execute(text(f"INSERT INTO event ({columns}) {rows} FROM generate_series(1, 9000) n"))
        connection.execute(text("INSERT INTO keyframe VALUES (7, 'jpeg')"))
    old.close()
    monkeypatch.undo()
    database = open_database(tmp_path, url)
    store = EventStore(database)
    assert [each.id for each in store.query(EventQuery(limit=3))] == [9000, 8999, 8998]
    assert store.keyframe(7) == b"jpeg"
    assert [each.id for each in store.query(EventQuery(since_ns=10 * S, until_ns=12 * S))] == [11, 10]
    assert store.add([event(9000)]) == []
    assert store.add([event(9001)])[0].id == 9001
    with database.read() as connection:
        blocks = connection.exec_driver_sql("SELECT block, since_ns FROM event_block ORDER BY 1").fetchall()
    assert blocks == [(0, S), (1, BLOCK * S), (2, 2 * BLOCK * S)]
    database.close()
