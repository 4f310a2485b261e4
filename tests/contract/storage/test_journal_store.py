import itertools
import time
from dataclasses import replace

import pytest
from sqlalchemy import delete, insert, update

from davy.access.chain import Verdict, row_fields, verify
from davy.access.journal import JournalEntry
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.journal_store import JournalQuery, JournalStore, journal, journal_checkpoint
from davy.domain.event import EventRecord
from davy.models.keyring import make_key, signing_key
from davy.models.keys import KeySet


def entry(number: int = 1, **changes) -> JournalEntry:
    who = ("ada", "admin", "session", "10.0.0.1")
    made = JournalEntry(
        number, *who, "PUT /v1/users/{name}", "/v1/users/vera", '{"role":"viewer"}', '{"role":"admin"}', "200", "r1"
    )
    return replace(made, **changes)


@pytest.fixture
def store(database):
    return JournalStore(database)


@pytest.fixture
def keys(tmp_path):
    make_key(tmp_path / "keys", 100)
    return tmp_path / "keys"


@pytest.fixture
def signed(store, keys):
    """Six rows; the fourth and the sixth are signed."""
    store.append([entry(number) for number in range(1, 5)])
    store.sign_end(signing_key(keys), 1)
    store.append([entry(number) for number in range(5, 7)])
    store.sign_end(signing_key(keys), 2)
    return store


def check(store: JournalStore, keys, **options) -> Verdict:
    return verify(store.rows(), store.checkpoints(), KeySet.load(keys / "trust.json"), **options)


def change(database, statement) -> None:
    with database.transaction("test") as connection:
        assert connection.execute(statement).rowcount


def test_untouched_rows_are_intact_after_a_start(signed, keys, reopen):
    assert check(JournalStore(reopen()), keys) == Verdict(rows=6, last=6, signed_to=6)


def test_rows_are_found_newest_first_by_who_operation_and_time(store):
    store.append([entry(1), entry(2, who="vera"), entry(3, operation="POST /v1/100%"), entry(4)])
    found = lambda **query: [row.sequence for row in store.query(JournalQuery(**query))]  # noqa: E731
    assert found() == [4, 3, 2, 1]
    assert found(who="vera") == [2]
    assert found(operation="/v1/100%") == [3]
    assert found(operation="%") == [3], "a wildcard is a character as any other"
    assert found(since_ns=2, until_ns=4) == [3, 2]
    assert found(before=3, limit=1) == [2]


@pytest.mark.parametrize("column", [column.name for column in journal.columns])
def test_a_flipped_byte_in_any_column_of_any_row_is_found(signed, database, keys, column):
    for row in list(signed.rows()):
        value = row_fields(row)[column]
        flipped = value ^ 64 if isinstance(value, int) else chr(ord(value[0]) ^ 1) + value[1:]
        change(database, update(journal).where(journal.c.hash == row.hash).values({column: flipped}))
        verdict = check(signed, keys)
        assert (verdict.broken, bool(verdict.reason)) == (row.sequence, True)
        change(
            database,
            delete(journal).where(journal.c[column] == flipped, journal.c.sequence.in_([row.sequence, row.sequence ^ 64])),
        )
        change(database, insert(journal).values(row_fields(row)))
    assert check(signed, keys).broken is None


@pytest.mark.parametrize("column", [column.name for column in journal_checkpoint.columns])
def test_a_changed_checkpoint_is_found(signed, database, keys, column):
    (first, _) = signed.checkpoints()
    value = getattr(first, column)
    flipped = value ^ 64 if isinstance(value, int) else chr(ord(value[0]) ^ 1) + value[1:]
    change(database, update(journal_checkpoint).where(journal_checkpoint.c.sequence == 4).values({column: flipped}))
    assert check(signed, keys).broken is not None


def test_a_removed_row_is_found(signed, database, keys):
    rows = list(signed.rows())
    for row in rows:
        change(database, delete(journal).where(journal.c.sequence == row.sequence))
        assert check(signed, keys).broken == row.sequence
        change(database, insert(journal).values(row_fields(row)))


def test_swapped_rows_are_found(signed, database, keys):
    for one, other in itertools.combinations(range(1, 7), 2):
        swap(database, one, other)
        assert check(signed, keys).broken == one
        swap(database, one, other)
    assert check(signed, keys).broken is None


def swap(database, one: int, other: int) -> None:
    for old, new in ((one, 100), (other, one), (100, other)):
        change(database, update(journal).where(journal.c.sequence == old).values(sequence=new))


def test_a_removed_end_after_a_checkpoint_is_found_and_stays_found_when_rows_follow(signed, database, keys):
    change(database, delete(journal).where(journal.c.sequence >= 5))
    verdict = check(signed, keys)
    assert (verdict.broken, verdict.reason[:23]) == (5, "the journal is cut off:")
    signed.append([entry(7)])
    assert check(signed, keys).reason == "it is missing; row 7 follows row 4"


def test_an_end_that_is_removed_with_its_checkpoint_is_found_by_a_checkpoint_kept_elsewhere(signed, database, keys):
    kept = signed.checkpoints()[-1]
    change(database, delete(journal).where(journal.c.sequence >= 5))
    change(database, delete(journal_checkpoint).where(journal_checkpoint.c.sequence >= 5))
    assert check(signed, keys).broken is None, "the database alone cannot know"
    assert "row 6 was signed" in check(signed, keys, kept=kept).reason


def test_a_chain_rewritten_without_the_key_is_found(signed, database, keys):
    rows = [replace(row.entry, who="mallory") if row.sequence == 2 else row.entry for row in signed.rows()]
    change(database, delete(journal))
    change(database, delete(journal_checkpoint))
    forged = JournalStore(database)
    forged.append(rows)
    assert check(forged, keys).broken is None
    other = keys.parent / "other"
    make_key(other, 100)
    forged.sign_end(signing_key(other), 3)
    assert "not among the 1 trusted keys" in check(forged, keys).reason


def test_rows_up_to_a_checkpoint_are_removed_by_a_signed_row(signed, keys):
    size = signed.size_bytes()
    signed.append([entry(7)])
    signed.remove_to(4, entry(8, operation="davy journal export"), signing_key(keys))
    assert [row.sequence for row in signed.rows()] == [5, 6, 7, 8]
    assert check(signed, keys) == Verdict(rows=4, last=8, signed_to=8)
    assert signed.size_bytes() < size


def test_more_removed_rows_than_were_exported_are_found(signed, database, keys):
    signed.remove_to(4, entry(8), signing_key(keys))
    change(database, delete(journal).where(journal.c.sequence == 5))
    assert check(signed, keys).broken == 5


def test_the_size_counts_what_is_stored(store):
    assert store.size_bytes() == 0
    store.append([entry(1, after="x" * 1000)])
    assert 1000 < store.size_bytes() < 2000


def test_two_processes_write_one_chain(database, reopen, keys):
    stores = [JournalStore(database), JournalStore(reopen())]
    for number in range(1, 9):
        stores[number % 2].append([entry(number)])
    assert check(stores[0], keys).last == 8


def test_any_text_is_stored_and_intact(store, keys):
    store.append([entry(1, target="/a\0b\ud800", who="Jürgen \N{PICK}")])
    assert check(store, keys).broken is None


def test_a_flood_of_events_evicts_no_row(signed, database, keys):
    events = EventStore(database, max_bytes=200_000)
    for start in range(0, 10_000, 500):
        flood = [
            EventRecord("mine", "north", "b1", seq, "north.face", time.time_ns(), 1, "motion", "x" * 100)
            for seq in range(start + 1, start + 501)
        ]
        events.add(flood)
        events.prune()
    assert events.size_bytes() <= 200_000
    assert check(signed, keys) == Verdict(rows=6, last=6, signed_to=6)
