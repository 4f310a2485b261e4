"""The way to one of several aggregators."""

import asyncio

import pytest
from tests.fixtures.edges import until
from tests.fixtures.ingest_server import Ingest, ingest_server

from davy.adapters.grpc import ingest_client
from davy.adapters.grpc.route import Route
from davy.domain.errors import AggregatorUnavailableError

A, B, C = "grpc://a:1", "grpc://b:1", "grpc://c:1"


def test_edges_spread_over_the_aggregators():
    begun = [str(Route([A, B], f"edge-{number}").endpoint) for number in range(200)]
    assert 60 < begun.count(A) < 140


def test_a_route_visits_every_aggregator_in_turn():
    route, seen = Route([A, B, C], fails_over=True), []
    for _ in range(3):
        seen.append(str(route.endpoint))
        route.leave(route.generation, "gone")
    assert sorted(seen) == [A, B, C]
    assert str(route.endpoint) == seen[0]


def test_who_notices_late_that_an_aggregator_was_left_leaves_no_other_one():
    route = Route([A, B], fails_over=True)
    generation = route.generation
    route.leave(generation, "gone")
    chosen = route.endpoint
    route.leave(generation, "gone")
    assert route.endpoint == chosen


def test_a_single_aggregator_is_never_left():
    route = Route([A])
    route.leave(route.generation, "gone")
    assert route.generation == 0


async def test_a_client_reaches_the_second_aggregator_when_the_first_is_gone(free_port):
    async with ingest_server(Ingest()) as server:
        route = Route([f"grpc://127.0.0.1:{free_port}", server.endpoint], fails_over=True)
        if str(route.endpoint) == server.endpoint:
            route.leave(route.generation, "begin with the other one")
        async with ingest_client.connect(route) as client:
            with pytest.raises(AggregatorUnavailableError):
                async with client.push() as stream:
                    await stream.answer(5)
            assert client.endpoint == server.endpoint
            async with client.push() as stream:
                assert (await stream.answer(5)).window


async def test_a_change_ends_the_streams_of_the_aggregator_before(free_port):
    async with ingest_server(Ingest()) as server:
        route = Route([server.endpoint, f"grpc://127.0.0.1:{free_port}"], fails_over=True)
        if str(route.endpoint) != server.endpoint:
            route.leave(route.generation, "begin with the other one")
        async with ingest_client.connect(route) as client, client.push() as stream:
            await stream.answer(5)
            waiting = asyncio.create_task(stream.answer())
            await asyncio.sleep(0.05)
            route.leave(route.generation, "another plane noticed")
            with pytest.raises(AggregatorUnavailableError, match=r"left|CANCELLED|ended"):
                await asyncio.wait_for(waiting, 5)


@pytest.fixture
def name_of_first():
    """The name of an edge that begins with the first of two aggregators."""
    return next(str(number) for number in range(100) if str(Route([A, B], str(number)).endpoint) == A)


async def test_an_edge_goes_back_to_its_first_aggregator_when_that_answers_again(name_of_first, free_port):
    async with ingest_server(Ingest()) as server:
        route = Route([server.endpoint, f"grpc://127.0.0.1:{free_port}"], name_of_first, fails_over=True)
        route.leave(route.generation, "gone")
        returning = asyncio.create_task(route.return_home(every_s=0.05))
        await until(lambda: str(route.endpoint) == server.endpoint)
        returning.cancel()
