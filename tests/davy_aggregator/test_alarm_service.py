import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import until
from tests.davy_aggregator.test_archive import execute

from davy.adapters.notify import NotifyError
from davy.adapters.storage.alarm_store import AlarmStore
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.opening import open_database
from davy.domain.alarm_record import AlarmQuery
from davy.domain.alarm_targets import AlarmsConfig
from davy.domain.alarms import NS, AlarmPoint, AlarmState
from davy.domain.errors import ArchiveUnavailableError, ConflictError, InvalidInputError
from davy.domain.event import EventQuery, EventRecord, Mark
from davy_aggregator.alarms.escalation import Deliveries
from davy_aggregator.alarms.events import follow_events
from davy_aggregator.alarms.metrics import AlarmMetrics
from davy_aggregator.alarms.rules import RuleBook
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.alarms.view import AlarmTexts, alarm_json
from davy_aggregator.archive import Archive
from davy_aggregator.metrics import AggregatorMetrics

ZONE = AlarmPoint("person-in-zone", "north.face", "belt-drive")
LENS = AlarmPoint("lens-blocked", "north.face")
INSTANT = {"rules": {"lens-blocked": {"on_delay_s": 0, "off_delay_s": 0}}}
MAIL = {"mail": {"kind": "email", "smtp": "smtp://127.0.0.1:1", "sender": "a@b", "to": ["c@d"], "every_s": 0}}


@dataclass
class Desk:
    """An alarm service over a real database, with a clock that a test moves; `restart` opens it again."""

    folder: object
    config: dict = field(default_factory=lambda: dict(INSTANT))
    now_s: float = 1000.0

    async def start(self) -> "Desk":
        self.registry = CollectorRegistry()
        self.database = open_database(self.folder)
        self.archive = Archive(EventStore(self.database), "mine", AggregatorMetrics(self.registry))
        store = AlarmStore(self.database, self.archive.store)
        self.metrics = AlarmMetrics(self.registry)
        rules = RuleBook(AlarmsConfig.model_validate(self.config), store)
        self.alarms = AlarmService("mine", self.archive, store, rules, self.metrics, lambda: int(self.now_s * NS))
        await self.alarms.load()
        return self

    async def stop(self) -> None:
        await self.archive.close()
        self.database.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def wait(self, seconds: float) -> None:
        self.now_s += seconds
        await self.alarms.step()

    def state(self, point=LENS) -> AlarmState:
        return self.alarms.get(point.id).state

    async def transitions(self, point=LENS) -> list[str]:
        return [each.transition for each in reversed(await self.alarms.history(AlarmQuery(alarm=point.id)))]


@pytest.fixture
async def desk(tmp_path):
    made = await Desk(tmp_path).start()
    yield made
    await made.stop()


async def test_a_raise_stores_one_event_with_its_picture_and_marks(desk):
    marks = (Mark(0.25, 0.25, 0.5, 0.5, "person", 0.75),)
    for _ in range(20):
        await desk.alarms.report(ZONE, True, "a person", figures={"people": 1}, picture=b"jpeg", marks=marks, over="gone")
    (event,) = await desk.archive.query(EventQuery())
    assert (event.kind, event.camera, event.severity, event.marks) == ("person-in-zone", "north.face", 3, marks)
    assert await desk.archive.keyframe(event.id) == b"jpeg"
    assert desk.alarms.get(ZONE.id).event == event.id


async def test_an_alarm_is_encoded_once_for_all_windows_until_it_changes(desk):
    await desk.alarms.report(LENS, True, "covered")
    texts = AlarmTexts(desk.alarms.rules.rule)
    first = texts.text(desk.alarms.get(LENS.id))
    assert texts.text(desk.alarms.get(LENS.id)) is first
    assert json.loads(first) == alarm_json(desk.alarms.get(LENS.id), desk.alarms.rules.rule(LENS))
    await desk.alarms.acknowledge(LENS.id, "ada", "Bob looks")
    assert json.loads(texts.text(desk.alarms.get(LENS.id)))["acknowledged"]["words"] == "Bob looks"


async def test_the_end_of_a_condition_is_an_event_too(desk):
    await desk.alarms.report(LENS, True, "covered", over="the lens is clear")
    await desk.alarms.report(LENS, False, over="the lens is clear")
    newest, first = await desk.archive.query(EventQuery())
    assert (first.kind, newest.kind, newest.message) == ("lens-blocked", "lens-blocked-over", "the lens is clear")


async def test_p10_states_answers_and_shelving_survive_a_restart(desk):
    await desk.alarms.report(LENS, True, "covered")
    await desk.alarms.report(ZONE, True, "a person")
    await desk.alarms.acknowledge(LENS.id, "ada", "Bob looks")
    await desk.alarms.shelve(ZONE.id, "ada", "being tested", 600)
    await desk.restart()
    assert (desk.state(LENS), desk.state(ZONE)) == (AlarmState.ACKNOWLEDGED, AlarmState.SHELVED)
    assert desk.alarms.get(LENS.id).acknowledged.words == "Bob looks"
    await desk.alarms.report(LENS, True, "covered")  # the first look after the restart
    await desk.alarms.report(ZONE, True, "a person")
    assert await desk.transitions() == ["raised", "acknowledged"]
    await desk.wait(600)
    assert desk.state(ZONE) is AlarmState.UNACKNOWLEDGED


async def test_p10_events_raise_alarms_once_over_a_restart(desk):
    def event(seq, kind="spool-full"):
        return EventRecord("mine", "north", "b1", seq, "", 5, 3, kind, f"Nr {seq}")

    await desk.archive.record([event(1)])  # before there were alarms
    following = asyncio.create_task(follow_events(desk.archive, desk.alarms))
    await until(lambda: desk.alarms.store.position() == 1)
    await desk.archive.record([event(2)])
    await until(lambda: desk.alarms.counts() == {"unacknowledged": 1})
    following.cancel()
    await asyncio.wait({following})
    await desk.archive.record([event(3), event(4, "roof-fall")])  # while nobody follows
    await desk.restart()
    following = asyncio.create_task(follow_events(desk.archive, desk.alarms))
    await until(lambda: len(desk.alarms.all()) == 2)
    following.cancel()
    await asyncio.wait({following})
    assert await desk.transitions(AlarmPoint("spool-full", "north")) == ["raised", "raised"]
    assert desk.alarms.get("spool-full:north").occurrence == 2
    assert await desk.transitions(AlarmPoint("roof-fall", "north")) == ["raised"]


async def test_a_full_disk_loses_no_alarm(desk):
    pages = execute(desk.archive, "PRAGMA page_count")
    await desk.alarms.report(ZONE, True, "a person")
    execute(desk.archive, f"PRAGMA max_page_count={pages}")
    await desk.alarms.report(LENS, True, "covered", picture=bytes(200_000))
    assert desk.state() is AlarmState.UNACKNOWLEDGED  # shown, though it cannot be stored
    with pytest.raises(ArchiveUnavailableError):
        await desk.alarms.acknowledge(ZONE.id, "ada", "x" * 500)
    assert desk.state(ZONE) is AlarmState.UNACKNOWLEDGED
    execute(desk.archive, "PRAGMA max_page_count=1000000")
    await desk.wait(1)
    await desk.restart()
    assert desk.state() is AlarmState.UNACKNOWLEDGED
    assert await desk.transitions() == ["raised"]


async def test_an_answer_to_nothing_is_refused(desk):
    await desk.alarms.report(LENS, True, "covered")
    await desk.alarms.report(LENS, False)
    await desk.alarms.acknowledge(LENS.id, "ada")
    with pytest.raises(ConflictError, match="normal"):
        await desk.alarms.acknowledge(LENS.id, "ada")
    with pytest.raises(InvalidInputError, match="why"):
        await desk.alarms.shelve(LENS.id, "ada", " ", 60)
    with pytest.raises(ConflictError):
        await desk.alarms.unshelve(LENS.id, "ada")


async def test_two_who_answer_at_once_are_one_answer(desk):
    await desk.alarms.report(LENS, True, "covered")
    await asyncio.gather(*(desk.alarms.acknowledge(LENS.id, who) for who in ("ada", "bob")))
    assert await desk.transitions() == ["raised", "acknowledged"]


async def test_a_slow_watcher_gets_the_newest_state_of_each_alarm(desk):
    async with aclosing(desk.alarms.watch()) as changes:
        assert await anext(changes) == []
        for number in range(50):
            await desk.alarms.report(AlarmPoint("fault", "north", f"nr-{number}"), True, "broken")
        await desk.alarms.acknowledge("fault:north:nr-0", "ada")
        found = await anext(changes)
        assert len(found) == 50
        assert found[0].state is AlarmState.ACKNOWLEDGED or any(each.state is AlarmState.NORMAL for each in found)


async def test_a_source_with_too_many_kinds_raises_no_more(desk):
    for number in range(80):
        await desk.alarms.report(AlarmPoint(f"kind-{number}", "north"), True, "broken")
    assert sum(desk.alarms.counts().values()) == 64
    assert desk.registry.get_sample_value("davy_alarms_refused_total") == 16


class Receiver:
    """A notifier that keeps what it is sent, or fails."""

    def __init__(self) -> None:
        self.sent, self.broken = [], False

    async def send(self, messages):
        if self.broken:
            raise NotifyError("mail", "out of order")
        self.sent.append([each["alarm"] for each in messages])


def escalating(**step) -> dict:
    return INSTANT | {"targets": MAIL, "escalation": [{"after_s": 60, "to": ["mail"]} | step]}


def deliveries(desk, receiver, every_s=0.0) -> Deliveries:
    return Deliveries(desk.alarms.store, {"mail": receiver}, {"mail": every_s}, desk.metrics, lambda: int(desk.now_s * NS))


async def test_an_unanswered_alarm_is_escalated_once_over_a_restart(tmp_path):
    desk, receiver = await Desk(tmp_path, escalating()).start(), Receiver()
    await desk.alarms.report(LENS, True, "covered")
    await desk.alarms.report(AlarmPoint("lens-blocked", "north.belt"), True, "covered")
    await desk.alarms.acknowledge("lens-blocked:north.belt", "ada")
    await desk.wait(59)
    await deliveries(desk, receiver).step()
    assert receiver.sent == []
    await desk.wait(2)
    await desk.restart()  # before it is delivered
    await desk.wait(30)
    for _ in range(3):
        await deliveries(desk, receiver).step()
    assert receiver.sent == [[LENS.id]]
    assert (await desk.transitions())[-1] == "escalated"
    await desk.stop()


async def test_a_message_that_fails_is_shown_and_sent_again(tmp_path):
    desk, receiver = await Desk(tmp_path, escalating()).start(), Receiver()
    receiver.broken = True
    await desk.alarms.report(LENS, True, "covered")
    await desk.wait(61)
    sending = deliveries(desk, receiver)
    await sending.step()
    (notice,) = await desk.alarms.notices(10)
    assert (notice.attempts, notice.sent_ns) == (1, 0)
    assert "out of order" in notice.error
    assert desk.registry.get_sample_value("davy_alarm_notices_total", {"target": "mail", "result": "failed"}) == 1
    receiver.broken = False
    await sending.step()
    assert receiver.sent == []  # it waits a while
    desk.now_s += 6
    await sending.step()
    assert receiver.sent == [[LENS.id]]
    await desk.stop()


async def test_a_flood_is_one_message(tmp_path):
    desk, receiver = await Desk(tmp_path, escalating()).start(), Receiver()
    for number in range(60):
        await desk.alarms.report(AlarmPoint("lens-blocked", f"north.cam-{number}"), True, "covered")
    await desk.wait(61)
    await deliveries(desk, receiver, every_s=3600).step()
    assert [len(each) for each in receiver.sent] == [60]
    await desk.stop()


async def test_a_target_that_the_file_has_no_more_is_given_up_in_words(tmp_path):
    desk = await Desk(tmp_path, escalating()).start()
    await desk.alarms.report(LENS, True, "covered")
    await desk.wait(61)
    await Deliveries(desk.alarms.store, {}, {}, desk.metrics).step()
    (notice,) = await desk.alarms.notices(10)
    assert notice.sent_ns
    assert "no such target" in notice.error
    await desk.stop()


async def test_less_severe_alarms_wait_for_their_own_step(tmp_path):
    config = escalating(severity="alarm") | {"rules": {"lens-dirty": {"on_delay_s": 0}}}
    desk = await Desk(tmp_path, config).start()
    await desk.alarms.report(AlarmPoint("lens-dirty", "north.face"), True, "dirty")
    await desk.wait(3600)
    assert await desk.alarms.notices(10) == []
    await desk.stop()


async def test_a_normal_alarm_is_forgotten_and_its_history_stays(desk):
    await desk.alarms.report(LENS, True, "covered")
    await desk.alarms.acknowledge(LENS.id, "ada")
    await desk.alarms.report(LENS, False)
    await desk.wait(2 * 86_400)
    await desk.wait(1)
    assert desk.alarms.store.load() == []
    assert await desk.transitions() == ["raised", "acknowledged", "cleared"]
