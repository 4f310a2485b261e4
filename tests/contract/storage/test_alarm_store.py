from dataclasses import replace

import pytest

from davy.adapters.storage.alarm_store import AlarmStore
from davy.adapters.storage.event_store import EventStore
from davy.domain.alarm_record import AlarmQuery, AlarmUpdate, Notice, RulesChange
from davy.domain.alarms import Alarm, AlarmPoint, AlarmState, Answer, Change, Transition
from davy.domain.errors import ArchiveUnavailableError
from davy.domain.event import EventQuery, EventRecord, Mark
from davy.domain.severity import Severity

FACE, BELT = AlarmPoint("lens-blocked", "north.face"), AlarmPoint("person-in-zone", "north.belt", "drive")
MARKS = (Mark(0.25, 0.5, 0.125, 0.25, "person", 0.75),)


@pytest.fixture
def store(database):
    return AlarmStore(database, EventStore(database))


def raised(point=FACE, **changes) -> Alarm:
    return Alarm(point, Severity.ALARM, "the lens is covered", {"contrast": 1.5}, active=True, answered=False, **changes)


def change(transition=Transition.RAISED, at_ns=5, **given) -> Change:
    return Change(transition, at_ns, **given)


def event(seq=1) -> EventRecord:
    return EventRecord(
        "mine", "aggregator", "b1", seq, "north.face", 5, 3, "lens-blocked", "covered", keyframe=b"jpeg", marks=MARKS
    )


def test_an_alarm_its_history_and_its_event_are_there_after_a_restart(store, database, reopen):
    alarm = raised(raises=(1, 2), acknowledged=Answer("ada", "Bob looks", 9), occurrence=2)
    ((saved,), (stored,)) = store.save([AlarmUpdate(alarm, (change(), change(at_ns=6)), event=event())], position=7)
    assert saved == replace(alarm, event=stored.id)
    again = reopen()
    events = EventStore(again)
    after = AlarmStore(again, events)
    assert after.load() == [saved]
    assert after.position() == 7
    newest, first = after.history(AlarmQuery())
    assert (first.at_ns, newest.at_ns, first.event, first.state) == (5, 6, stored.id, "unacknowledged")
    (found,) = events.query(EventQuery())
    assert (found.id, found.marks, events.keyframe(found.id)) == (stored.id, MARKS, b"jpeg")


def test_a_later_state_replaces_the_one_before(store):
    store.save([AlarmUpdate(raised())])
    store.save([AlarmUpdate(replace(raised(), answered=True))])
    assert [each.state for each in store.load()] == [AlarmState.ACKNOWLEDGED]


def test_a_batch_with_a_fault_is_not_half_stored(store, database):
    broken = Notice("mail", FACE.id, 1, {}, None, 0)
    with pytest.raises(ArchiveUnavailableError):
        store.save([AlarmUpdate(raised(), (change(),), (broken,), event())], position=9)
    assert (store.load(), store.history(AlarmQuery()), store.position()) == ([], [], None)
    assert EventStore(database).query(EventQuery()) == []


def test_the_history_is_searched_and_paged(store):
    for number in range(5):
        store.save(
            [AlarmUpdate(raised(FACE if number % 2 else BELT), (change(at_ns=number, who="ada", words=f"Nr {number}"),))]
        )
    first = store.history(AlarmQuery(limit=3))
    rest = store.history(AlarmQuery(limit=3, before=first[-1].seq))
    assert [each.at_ns for each in first + rest] == [4, 3, 2, 1, 0]
    assert [each.at_ns for each in store.history(AlarmQuery(alarm=FACE.id))] == [3, 1]
    assert [each.at_ns for each in store.history(AlarmQuery(since_ns=1, until_ns=3))] == [2, 1]
    assert [each.at_ns for each in store.history(AlarmQuery(text="nr 2"))] == [2]
    assert store.history(AlarmQuery(text="%")) == []
    assert [each.at_ns for each in store.history(AlarmQuery(after=first[-1].seq))] == [3, 4]
    assert store.history(AlarmQuery(kind="person-in-zone", source="north.face")) == []


def test_only_normal_alarms_are_forgotten(store):
    store.save([AlarmUpdate(Alarm(FACE)), AlarmUpdate(raised(BELT))])
    store.forget([FACE.id, BELT.id])
    assert [each.point for each in store.load()] == [BELT]


def test_a_notice_is_owed_until_it_is_delivered(store, reopen):
    notice = Notice("mail", FACE.id, 1, {"text": "covered"}, made_ns=5, due_ns=10)
    store.save([AlarmUpdate(raised(), (change(),), (notice, replace(notice, target="log")))])
    assert store.owed(9) == []
    first, second = store.owed(10)
    store.failed([first.seq], "refused", due_ns=20)
    after = AlarmStore(database := reopen(), EventStore(database))
    assert [each.target for each in after.owed(10)] == ["log"]
    (again,) = [each for each in after.owed(20) if each.target == "mail"]
    assert (again.attempts, again.error, again.body) == (1, "refused", {"text": "covered"})
    after.delivered([again.seq, second.seq], 21)
    assert after.owed(10**18) == []
    assert [each.sent_ns for each in after.notices()] == [21, 21]


def test_the_newest_rules_are_kept_with_those_before(store):
    for number in range(3):
        store.add_rules(RulesChange(number, "ada", "why", {"rules": number}))
    assert [each.body for each in store.rules(2)] == [{"rules": 2}, {"rules": 1}]


def test_old_history_goes_and_what_is_owed_stays(database):
    store = AlarmStore(database, EventStore(database), max_rows=2)
    notice = Notice("mail", FACE.id, 1, {}, made_ns=0, due_ns=0)
    for number in range(5):
        store.save([AlarmUpdate(raised(), (change(at_ns=number),), (notice,))])
    store.prune()
    assert [each.at_ns for each in store.history(AlarmQuery())] == [4, 3]
    assert len(store.owed(1)) == 5


def test_a_nul_in_words_and_messages_is_stored(store):
    store.save([AlarmUpdate(replace(raised(), message="a\0b"), (change(words="c\0d"),))])
    assert store.load()[0].message == "a\N{REPLACEMENT CHARACTER}b"
    assert store.history(AlarmQuery())[0].words == "c\N{REPLACEMENT CHARACTER}d"


def test_a_row_of_another_version_does_not_prevent_the_start(store, database):
    store.save([AlarmUpdate(raised()), AlarmUpdate(raised(BELT))])
    with database.transaction("event") as connection:
        connection.exec_driver_sql("UPDATE alarm SET body = '{}' WHERE id = 'lens-blocked:north.face'")
    assert [each.point for each in store.load()] == [BELT]
    assert [each.point for each in store.load()] == [BELT]
