"""The port between replicas, over every engine."""

import asyncio
import shutil
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from tests.davy_aggregator.conftest import until
from tests.fixtures.fan_outs import ENGINES, NatsServer, RedisServer, engine_of, free

from davy.adapters.fan_out.opening import open_fan_out
from davy.adapters.fan_out.redis_streams import RedisFanOut
from davy.domain.errors import StoreUnavailableError
from davy.domain.fan_out import Channel
from davy.domain.secret_url import SecretUrl

LIVE, KEPT, DEEP = Channel("frame/live"), Channel("frame/kept", keep_s=30.0), Channel("video/deep", depth=8)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    with engine_of(request.param) as make:
        yield make


@pytest.fixture
async def replicas(engine):
    """Two replicas on one engine, and a channel name that no other test uses."""
    one, other = engine("one"), engine("other")
    yield one, other
    await one.close()
    await other.close()


@pytest.fixture
def channel(request):
    def named(kind):
        return Channel(f"{request.node.name.replace('[', '/').replace(']', '')}/{kind.name}", kind.depth, kind.keep_s)

    return named


async def take(reader):
    async with asyncio.timeout(3):
        return await reader.take()


async def gives_nothing(reader):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await reader.take()


@asynccontextmanager
async def reading(replica, *channels):
    async with replica.read() as reader:
        await reader.follow(channels)
        yield reader


async def test_a_message_reaches_every_reader_of_its_channel_and_no_other(replicas, channel):
    one, other = replicas
    live, aside = channel(LIVE), channel(DEEP)
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(reading(each, live)) for each in (one, other)]
        stranger = await stack.enter_async_context(reading(other, aside))
        await one.publish(live, b"hello")
        for reader in readers:
            assert await take(reader) == (live.name, b"hello")
        await gives_nothing(stranger)


async def test_a_slow_reader_gets_the_newest_message(replicas, channel):
    one, other = replicas
    live = channel(LIVE)
    async with reading(other, live) as reader:
        for number in range(50):
            await one.publish(live, b"%d" % number)
        found = [await take(reader)]
        while found[-1][1] != b"49":  # what an engine had handed over before
            found.append(await take(reader))
        assert len(found) <= 2
        await gives_nothing(reader)


async def test_a_slow_reader_of_a_deep_channel_gets_its_newest_messages_in_order(replicas, channel):
    one, other = replicas
    deep = channel(DEEP)
    async with reading(other, deep) as reader:
        for number in range(20):
            await one.publish(deep, b"%d" % number)
        found = [int((await take(reader))[1])]
        while found[-1] != 19:
            found.append(int((await take(reader))[1]))
        assert found[-8:] == list(range(12, 20))
        assert found == sorted(set(found))


async def test_a_reader_hears_of_a_live_channel_from_now_on(replicas, channel):
    one, other = replicas
    live = channel(LIVE)
    await one.publish(live, b"before")
    await asyncio.sleep(0.01)  # an engine's clock may count in milliseconds
    async with reading(other, live) as reader:
        await one.publish(live, b"after")
        assert (await take(reader))[1] == b"after"


async def test_a_reader_of_a_kept_channel_gets_the_newest_message_first(replicas, channel):
    one, other = replicas
    kept = channel(KEPT)
    assert await other.newest(kept) is None
    for number in range(3):
        await one.publish(kept, b"%d" % number)
    await until(lambda: is_newest(other, kept, b"2"))  # no engine acknowledges: another connection may be ahead of the server
    async with reading(other, kept) as reader:
        assert (await take(reader))[1] == b"2"
        await gives_nothing(reader)
        await one.publish(kept, b"3")
        assert (await take(reader))[1] == b"3"


async def test_a_kept_message_goes_after_its_time(replicas, channel):
    one, other = replicas
    short = Channel(channel(KEPT).name, keep_s=0.3)
    await one.publish(short, b"x")
    assert await one.newest(short) == b"x"
    await until(lambda: is_gone(other, short))


async def is_newest(replica, channel, message):
    return await replica.newest(channel) == message


async def is_gone(replica, channel):
    return await replica.newest(channel) is None


async def test_channels_are_added_and_removed_while_a_reader_waits(replicas, channel):
    one, other = replicas
    first, second = channel(LIVE), channel(DEEP)
    async with reading(other, first) as reader:
        waiting = asyncio.create_task(take(reader))
        await asyncio.sleep(0.05)  # it waits for the first channel alone
        await reader.follow([second])
        await one.publish(first, b"ignored")
        await one.publish(second, b"heard")
        assert await waiting == (second.name, b"heard")
        await gives_nothing(reader)


async def test_a_picture_with_its_raw_one_and_a_large_key_frame_go_through(replicas, channel):
    one, other = replicas
    live, large = channel(LIVE), bytes(4_100_000)
    async with reading(other, live) as reader:
        await one.publish(live, large)
        assert await take(reader) == (live.name, large)


async def test_an_absent_server_is_named():
    port = free()
    engine = RedisFanOut(f"redis://127.0.0.1:{port}/0", "me")
    try:
        with pytest.raises(StoreUnavailableError, match=f"no Redis-protocol server at redis://127.0.0.1:{port}/0"):
            await engine.publish(LIVE, b"x")
    finally:
        await engine.close()


SERVERS = [
    pytest.param(RedisServer, marks=pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server")),
    pytest.param(NatsServer, marks=pytest.mark.skipif(not shutil.which("nats-server"), reason="needs nats-server")),
]


@pytest.mark.system
@pytest.mark.parametrize("make", SERVERS)
async def test_f03_it_works_again_within_2_s_of_the_servers_return(make):
    server = make()
    engine = open_fan_out(SecretUrl(server.endpoint), "me")
    try:
        async with reading(engine, LIVE) as reader:
            await engine.publish(LIVE, b"x")
            assert (await take(reader))[1] == b"x"
            server.kill()
            with pytest.raises(StoreUnavailableError):
                await take(reader)
            with pytest.raises(StoreUnavailableError):
                await engine.publish(LIVE, b"x")
        server.start()
        async with asyncio.timeout(2):
            await engine.wait_until_up()
            async with reading(engine, LIVE) as reader:
                await engine.publish(LIVE, b"y")
                assert (await take(reader))[1] == b"y"
    finally:
        await engine.close()
        server.kill()
        server.remove()
