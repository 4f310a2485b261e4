"""A clash is believed only if the broker says so, or if sessions end one after another while it answers others."""

import asyncio

import pytest

from davy.adapters.mqtt import client_id_clash
from davy.adapters.mqtt.client_id_clash import ClashDetector

SILENT = {"taken_over": False, "reason_given": False}


class Broker:
    """Answers probes, or not."""

    def __init__(self, answers: bool = True) -> None:
        self.answers, self.probes = answers, 0

    async def probe(self) -> bool:
        self.probes += 1
        return self.answers


async def ends(clash: ClashDetector, count: int, lasted_s: float = 0.5) -> list[bool]:
    return [await clash.ended(lasted_s, **SILENT) for _ in range(count)]


async def test_the_broker_s_word_is_believed_at_once():
    assert await ClashDetector(Broker().probe).ended(100, taken_over=True, reason_given=False)


async def test_three_short_sessions_beside_an_open_port_are_a_clash():
    assert await ends(ClashDetector(Broker().probe), 3) == [False, False, True]


async def test_short_sessions_with_a_broker_that_dies_are_no_clash():
    assert not any(await ends(ClashDetector(Broker(answers=False).probe), 20))


async def test_a_failed_connect_between_them_ends_the_suspicion():
    clash = ClashDetector(Broker().probe)
    await ends(clash, 2)
    clash.connect_failed()
    assert await ends(clash, 3) == [False, False, True]


async def test_a_reason_of_the_broker_s_own_is_no_clash():
    clash, broker = ClashDetector(Broker().probe), Broker()
    await ends(clash, 2)
    assert not await clash.ended(0.5, taken_over=False, reason_given=True)
    assert await ends(clash, 2) == [False, False]
    assert broker.probes == 0


async def test_a_long_session_is_not_probed():
    broker = Broker()
    assert not any(await ends(ClashDetector(broker.probe), 5, lasted_s=60))
    assert broker.probes == 0


async def test_a_probe_that_hangs_counts_as_no_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client_id_clash, "PROBE_TIMEOUT_S", 0.01)

    async def hang() -> bool:
        await asyncio.Event().wait()
        return True

    assert not any(await ends(ClashDetector(hang), 4))


async def test_the_wait_doubles_with_each_clash_up_to_10_minutes():
    clash = ClashDetector(Broker().probe)
    waits = []
    for _ in range(8):
        await clash.ended(1, taken_over=True, reason_given=False)
        waits.append(clash.wait_s())
    assert 30 <= waits[0] <= 45
    assert 60 <= waits[1] <= 90
    assert waits[-1] <= 900
