import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from davy.access.chain import verify
from davy.access.journal import JournalEntry
from davy.access.journal_keys import CHECKPOINT, kept_checkpoint, known_keys
from davy.adapters.storage.journal_store import JournalStore
from davy.adapters.storage.opening import open_database
from davy.domain.errors import ConfigError
from davy_aggregator.journal import SIGN_ROWS, JournalMetrics, JournalWriter

pytestmark = pytest.mark.system


def change(number: int = 1, answer: str = "200", via: str = "session", after: str = "") -> JournalEntry:
    who = ("ada", "admin", via, "10.0.0.1", "PUT /v1/users/{name}")
    return JournalEntry(number, *who, f"/v1/users/{number}", after=after, answer=answer)


class Journal:
    """A writer on a real database, and the alarms that it raised."""

    def __init__(self, folder, max_bytes: int) -> None:
        self.database, self.folder, self.registry = open_database(folder), folder / "keys", CollectorRegistry()
        self.store, self.alarms = JournalStore(self.database), []
        self.writer = JournalWriter(self.store, self.folder, max_bytes, JournalMetrics(self.registry), self.report)

    async def report(self, kind: str, message: str, severity: int) -> None:
        assert severity == 3
        self.alarms.append((kind, message))

    @property
    def rows(self):
        return list(self.store.rows())


@pytest.fixture
async def journal(tmp_path):
    made = Journal(tmp_path, 100_000)
    yield made
    await made.writer.close()
    made.database.close()


async def test_rows_are_signed_after_their_number_and_at_the_end(journal):
    await journal.writer.record(change(1))
    await journal.writer.step()
    assert [each.sequence for each in journal.store.checkpoints()] == [1]
    for number in range(2, SIGN_ROWS + 1):
        await journal.writer.record(change(number))
    await journal.writer.step()
    assert len(journal.store.checkpoints()) == 1, "one row short"
    await journal.writer.record(change())
    await journal.writer.step()
    assert kept_checkpoint(journal.folder / CHECKPOINT) == journal.store.checkpoints()[-1]
    await journal.writer.record(change())
    await journal.writer.step(end=True)
    verdict = verify(journal.store.rows(), journal.store.checkpoints(), known_keys(journal.folder))
    assert (verdict.broken, verdict.signed_to) == (None, SIGN_ROWS + 2)


async def test_a_journal_that_fills_up_raises_alarms_and_loses_nothing(journal):
    for number in range(120):
        await journal.writer.record(change(number, after="x" * 1000))
        await journal.writer.step()
    assert [kind for kind, _ in journal.alarms] == ["journal-filling", "journal-full"], "each is raised once"
    assert journal.store.size_bytes() > 100_000
    assert len(journal.rows) == 120
    assert "davy journal export --then-remove" in journal.writer.error


async def test_refused_attempts_cannot_fill_the_journal(journal):
    for number in range(40):
        await journal.writer.record(change(number, after="x" * 1000))
    await journal.writer.step()
    before = len(journal.rows)
    for number in range(5000):
        await journal.writer.record(change(number, "401", "none"))
    await journal.writer.step()
    assert len(journal.rows) == before, "they are counted for an hour"
    await journal.writer.step(end=True)
    assert [row.entry.target[:29] for row in journal.rows[before:]] == ["5000 further refused attempts"]
    assert journal.alarms == []


async def test_an_operation_goes_on_when_its_entry_cannot_be_stored_and_the_gap_is_recorded(journal):
    rename = "ALTER TABLE journal RENAME TO {}"
    with journal.database.transaction("test") as connection:
        connection.execute(text(rename.format("hidden")))
    await journal.writer.record(change(1))
    await journal.writer.record(change(2))
    assert journal.registry.get_sample_value("davy_journal_lost_total") == 2
    assert "2 operations are not in the journal" in journal.writer.error
    with journal.database.transaction("test") as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO journal"))
    await journal.writer.record(change(3))
    lost, kept = journal.rows
    assert lost.entry.target.startswith("2 operations before this row")
    assert kept.entry.target == "/v1/users/3"
    assert journal.writer.error == ""


async def test_a_lost_entry_is_an_alarm(journal):
    with journal.database.transaction("test") as connection:
        connection.execute(text("ALTER TABLE journal RENAME TO hidden"))
    await journal.writer.record(change(1))
    await journal.writer.step()
    assert journal.alarms[0][0] == "journal-lost"
    with journal.database.transaction("test") as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO journal"))


async def test_a_changed_row_is_an_alarm_after_the_next_start(journal):
    await journal.writer.record(change(1))
    await journal.writer.step(end=True)
    with journal.database.transaction("test") as connection:
        connection.execute(text("UPDATE journal SET who = 'mallory'"))
    await journal.writer.verify()
    await journal.writer.step()
    assert journal.alarms[-1][0] == "journal-broken"
    assert "row 1 of the audit journal" in journal.writer.error


async def test_a_database_that_lost_its_end_is_an_alarm(journal):
    await journal.writer.record(change(1))
    await journal.writer.record(change(2))
    await journal.writer.step(end=True)
    with journal.database.transaction("test") as connection:
        for table in ("journal", "journal_checkpoint"):
            connection.execute(text(f"DELETE FROM {table} WHERE sequence = 2"))
    await journal.writer.verify()
    assert "cut off" in journal.writer.error


async def test_an_entry_is_durable_when_its_recording_ends_and_kept_if_nobody_waits(journal):
    await journal.writer.record(change(1))
    assert len(journal.rows) == 1
    journal.writer.record(change(2))
    await journal.writer.step()
    assert len(journal.rows) == 2


def test_a_damaged_checkpoint_beside_the_key_is_named(tmp_path):
    (tmp_path / CHECKPOINT).write_text("{}")
    with pytest.raises(ConfigError, match=r"checkpoint\.json holds no checkpoint"):
        kept_checkpoint(tmp_path / CHECKPOINT)
