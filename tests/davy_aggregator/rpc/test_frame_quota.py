import asyncio
import time
from collections import Counter
from contextlib import ExitStack

import pytest
from tests.davy_aggregator.conftest import envelope, make_settings, make_site, running

from davy.v1 import ingest_pb2
from davy_aggregator.rpc.frame_quota import FrameQuota


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_without_a_bound_no_credit_waits():
    with FrameQuota(0).edge() as edge:
        assert [edge.wait_s() for _ in range(1000)] == [0.0] * 1000


def test_frames_below_the_bound_do_not_wait(clock):
    with FrameQuota(10).edge() as edge:
        for _ in range(100):
            clock[0] += 0.1
            assert edge.wait_s() == 0


@pytest.mark.parametrize("edges", [1, 2, 5])
def test_above_the_bound_each_edge_gets_its_share(clock, edges):
    quota = FrameQuota(20)
    contexts = [quota.edge() for _ in range(edges)]
    shares = [context.__enter__() for context in contexts]
    given: Counter[int] = Counter()
    due: list[tuple[float, int]] = [(clock[0], number) for number in range(edges) for _ in range(4)]  # a window of four
    end_s = clock[0] + 10
    while due:
        at_s, number = min(due)
        due.remove((at_s, number))
        if at_s > end_s:
            continue
        clock[0] = max(clock[0], at_s)
        given[number] += 1
        due.append((at_s + max(0.001, shares[number].wait_s()), number))
    assert sum(given.values()) == pytest.approx(200, abs=10 + 5 * edges)  # half a second's burst, and what is in flight
    assert max(given.values()) <= 1.2 * min(given.values()) + 4


def test_edges_that_exceed_the_bound_together_do_not_go_on_in_step(clock):
    quota = FrameQuota(20)
    with ExitStack() as stack:
        shares = [stack.enter_context(quota.edge()) for _ in range(40)]
        for _ in range(10):
            assert quota.take()  # the burst is used up
        dues = sorted(share.wait_s() for share in shares)
    assert dues[0] >= 0 and dues[-1] <= 1  # an edge gets a credit at least once a second
    assert dues[-1] - dues[0] > 0.3


def test_an_edge_takes_what_the_others_leave(clock):
    quota = FrameQuota(20)
    with quota.edge() as busy, quota.edge():
        waits = []
        for _ in range(150):
            clock[0] += 0.06  # 16 a second, more than half
            waits.append(busy.wait_s())
    assert not any(waits)


async def test_an_edge_above_the_bound_gets_its_credits_at_that_rate_and_in_order(tmp_path):
    async with running(make_settings(tmp_path, max_frames_s=20), make_site()) as aggregator:
        call = aggregator.ingest.PushFrames()
        await call.read()
        for seq in range(1, 31):
            await call.write(ingest_pb2.PushFramesRequest(frame=envelope(seq)))
        began_s, seqs = time.monotonic(), []
        async with asyncio.timeout(5):
            while len(seqs) < 30:
                answer = await call.read()
                seqs += [*(each.seq for each in answer.earlier), answer.seq]
        took_s = time.monotonic() - began_s
        call.cancel()
    assert seqs == list(range(1, 31))
    assert 0.8 < took_s < 2.0  # ten at once, twenty at 20 a second
