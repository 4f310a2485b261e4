import asyncio
import time
from contextlib import nullcontext

import pytest
from tests.davy_aggregator.conftest import envelope, until

from davy.domain.errors import InvalidInputError
from davy.v1 import ingest_pb2
from davy_aggregator.rpc.frame_credits import MAX_HELD, FrameCredits


class Stream:
    """Takes answers, each in write_s."""

    def __init__(self, write_s: float = 0.0) -> None:
        self.write_s = write_s
        self.answers: list[list[int]] = []
        self.writing = 0

    async def write(self, answer: ingest_pb2.PushFramesResponse) -> None:
        self.writing += 1
        assert self.writing == 1  # gRPC takes one message at a time
        await asyncio.sleep(self.write_s)
        self.writing -= 1
        self.answers.append([*(each.seq for each in answer.earlier), answer.seq])


async def test_a_credit_without_patience_goes_at_once_and_alone():
    stream = Stream()
    async with FrameCredits(stream.write) as giving:
        for seq in (1, 2, 3):
            await giving.give("face", seq, 0.0)
            assert stream.answers[-1] == [seq]


async def test_credits_that_may_wait_go_in_one_message_when_the_time_of_the_first_is_over():
    stream = Stream()
    async with FrameCredits(stream.write) as giving:
        for seq in (1, 2, 3):
            await giving.give("face", seq, 0.05 * seq)
        assert not stream.answers
        await until(lambda: stream.answers == [[1, 2, 3]])


async def test_one_that_cannot_wait_takes_the_others_with_it():
    stream = Stream()
    async with FrameCredits(stream.write) as giving:
        await giving.give("face", 1, 1.0)
        await giving.give("belt", 7, 0.0)
        assert stream.answers == [[1, 7]]


async def test_a_message_has_a_bounded_number_of_credits():
    stream = Stream()
    async with FrameCredits(stream.write) as giving:
        for seq in range(1, MAX_HELD + 2):
            await giving.give("face", seq, 1.0)
        assert [len(each) for each in stream.answers] == [MAX_HELD]


async def test_credits_whose_time_ends_during_a_write_follow_it():
    stream = Stream(write_s=0.1)
    async with FrameCredits(stream.write) as giving:
        await giving.give("face", 1, 0.01)
        await asyncio.sleep(0.03)  # the first write has begun
        await giving.give("face", 2, 0.01)
        await giving.give("face", 3, 0.01)
        await until(lambda: stream.answers == [[1], [2, 3]])


@pytest.mark.parametrize("error", [None, InvalidInputError("a bad frame")])
async def test_the_end_of_a_stream_and_a_bad_frame_give_what_is_held(error):
    stream = Stream()
    with pytest.raises(InvalidInputError) if error else nullcontext():
        async with FrameCredits(stream.write) as giving:
            await giving.give("face", 1, 1.0)
            if error:
                raise error
    assert stream.answers == [[1]]


async def test_a_cancelled_stream_gives_nothing():
    stream = Stream()
    with pytest.raises(asyncio.CancelledError):
        async with FrameCredits(stream.write) as giving:
            await giving.give("face", 1, 0.01)
            raise asyncio.CancelledError
    await asyncio.sleep(0.03)
    assert not stream.answers


async def test_an_edge_gets_several_credits_in_one_answer_with_the_time_that_each_waited(aggregator):
    call = aggregator.ingest.PushFrames()
    assert (await call.read()).window == 4
    for seq in (1, 2, 3):
        await call.write(ingest_pb2.PushFramesRequest(frame=envelope(seq), patience_ms=100))
        await asyncio.sleep(0.02)
    began_s = time.monotonic()
    answer = await call.read()
    assert time.monotonic() - began_s < 1
    assert [(each.camera, each.seq) for each in [*answer.earlier, answer]] == [("face", 1), ("face", 2), ("face", 3)]
    assert answer.earlier[0].held_us > answer.earlier[1].held_us > answer.held_us > 0
    assert answer.earlier[0].held_us >= 90_000
    call.cancel()
