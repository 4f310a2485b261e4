"""Two sites in one database: a schema of PostgreSQL for each, or a file of SQLite."""

import time

import pytest
from sqlalchemy import func, select

from davy.access.journal import JournalEntry
from davy.access.roles import Role
from davy.adapters.storage.access_store import AccessStore, Token, User
from davy.adapters.storage.alarm_store import AlarmStore
from davy.adapters.storage.config_store import ConfigStore
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.journal_store import JournalStore
from davy.adapters.storage.layout_store import LayoutStore
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.recording_store import Clip, RecordingStore
from davy.adapters.storage.rollout_store import RolloutStore
from davy.adapters.storage.run_store import RunStore
from davy.adapters.storage.sample_store import SampleStore
from davy.adapters.storage.shared_keys import get_shared_key
from davy.adapters.storage.tables import metadata
from davy.domain.alarm_record import AlarmUpdate, Notice, RulesChange
from davy.domain.alarms import Alarm, AlarmPoint, Change, Transition
from davy.domain.camera import CameraAddress
from davy.domain.errors import ConfigError
from davy.domain.event import EventQuery, EventRecord
from davy.domain.recording import Segment
from davy.domain.sample import SampleRecord
from davy.domain.severity import Severity
from davy.models.signing_key import SigningKey

S = 10**9
# rows of every new database, what failures alone fill, and what processes agree on; each has a test of its own
PRESET = {"space_used", "set_aside", "imported_file", "leader", "replica_request", "revision"}


def event(seq: int, **changes) -> EventRecord:
    return EventRecord("mine", "north", "b1", seq, "north.face", S, 3, "motion", "something moves", **changes)


@pytest.fixture
def sites(url, tmp_path):
    """The databases of two sites."""
    found = []
    for site in ("coal-1", "coal-2"):
        schema = f"{url.rpartition('%3D')[2]}-{site}"  # the server serves other tests, too
        own = f"{url}&schema={schema}" if url.startswith("postgresql") else f"sqlite:///{tmp_path / site}.db"
        found.append(open_database(tmp_path / site, own))
    yield found
    for each in found:
        each.close()


def fill(database) -> None:
    """Write with every store."""
    events = EventStore(database)
    events.add([event(1, keyframe=b"jpeg")])
    point = AlarmPoint("lens-blocked", "north.face")
    alarm = Alarm(point, Severity.ALARM, "covered", {}, active=True, answered=False)
    change, notice = Change(Transition.RAISED, 5), Notice("mail", point.id, 1, {}, 0, 0)
    alarms = AlarmStore(database, events)
    alarms.save([AlarmUpdate(alarm, (change,), (notice,), event(2))], position=1)
    alarms.add_rules(RulesChange(1, "ada", "why", {}))
    access = AccessStore(database)
    access.put_user(User("ada", Role.ADMIN, "hash"))
    access.add_token(Token("t", "wall", Role.VIEWER, "", "ada", 1, 0), "digest")
    access.add_session("digest", "ada", "", 2**62)
    access.add_link("digest", "ada", 2**62)
    journal = JournalStore(database)
    journal.append([JournalEntry(1, "ada", "admin", "session", "", "GET", "/", "", "", "ok")])
    journal.sign_end(SigningKey.generate(), 1)
    get_shared_key(database, "links")
    LayoutStore(database).put("ada", "wall", "{}")
    ConfigStore(database).add("north", {1: "{}"})
    RolloutStore(database).save("r1", "{}", {"north": "{}"})
    runs = RunStore(database)
    runs.add("run", "{}", lambda _: None)
    runs.change("run", lambda body: (body, [("state", "done")]))
    recordings = RecordingStore(database, "mine")
    camera = CameraAddress("mine", "north", "face")
    recordings.add([Segment(camera, "enhanced", "b1", 1, 100, S, 11 * S, "0" * 64, 1000, "first", 0.5)])
    recordings.want("north.face", S, 2 * S)
    recordings.add_clip(Clip("north.face", "fall", "roof fall", S, 2 * S, held=True, made_by="ada"))
    samples = SampleStore(database, 10**9, 1000)
    samples.add(SampleRecord("mine", "north", "b1", 1, "north.face", S, "dark", 320, 240, 30.0, bytes(8), jpeg=b"jpeg"))


def counts(database) -> dict[str, int]:
    with database.read() as connection:
        tables = [table for table in metadata.sorted_tables if table.name not in PRESET]
        return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


def test_no_row_of_a_site_is_one_of_another(sites):
    one, two = sites
    fill(one)
    assert [name for name, count in counts(one).items() if not count] == []
    assert [name for name, count in counts(two).items() if count] == []
    before = counts(one)
    fill(two)
    assert counts(one) == before == counts(two)


def test_a_site_that_floods_its_archive_takes_nothing_from_another(sites):
    small, quiet = EventStore(sites[0], max_bytes=100_000, max_age_s=10), EventStore(sites[1], max_bytes=100_000)
    quiet.add([event(1, keyframe=b"jpeg")])
    small.add([event(seq, keyframe=bytes(1000)) for seq in range(1, 500)])
    assert small.prune() > 0
    small.prune(now_ns=time.time_ns() + 60 * S)
    assert small.query(EventQuery()) == []
    (kept,) = quiet.query(EventQuery())
    assert (kept.id, quiet.keyframe(kept.id)) == (1, b"jpeg")
    assert quiet.size_bytes() < 1000


def test_no_site_waits_for_the_transaction_of_another(sites):
    with sites[0].transaction("event"):
        EventStore(sites[1]).add([event(1)])


@pytest.mark.parametrize("schema", ["North", 'a"b', "x" * 64, "a.b"])
def test_a_schema_that_is_no_name_is_refused(tmp_path, schema):
    with pytest.raises(ConfigError, match="schema"):
        open_database(tmp_path, f"postgresql://127.0.0.1:9/davy?schema={schema}")
