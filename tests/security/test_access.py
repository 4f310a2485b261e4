"""Every operation of every service: who may carry it out. The tables are complete, and closed services obey them."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from unittest.mock import MagicMock

import grpc
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client import CollectorRegistry
from starlette.routing import Mount, WebSocketRoute
from tests.davy_aggregator.conftest import Running, make_settings, make_site, running

from davy.access.permissions import GRPC, REST
from davy.access.roles import PERMISSIONS_OF, Role
from davy.adapters.access.http import Operations
from davy.v1 import (
    alarm_pb2,
    analysis_pb2,
    edge_pb2,
    enhancer_pb2,
    ingest_pb2,
    model_pb2,
    recording_pb2,
    sample_pb2,
    trainer_pb2,
)
from davy_cli.directory import open_directory

ROLES = [role for role in Role if role is not Role.ANONYMOUS]
DENIALS = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


def operations_of(app: FastAPI) -> set[str]:
    """Every "METHOD path" that an app answers."""
    found: set[str] = set()

    def walk(routes: Iterable[object]) -> None:
        for route in routes:
            if router := getattr(route, "original_router", None):
                walk(router.routes)
            elif isinstance(route, WebSocketRoute):
                found.add(f"WS {route.path}")
            elif isinstance(route, Mount):
                found.add(f"GET {route.path}/{{path:path}}")
            else:
                found.update(f"{method} {route.path}" for method in route.methods - {"HEAD"})

    walk(app.routes)
    return found


def aggregator_app() -> FastAPI:
    from davy_aggregator.rest.app import build_app

    return build_app(MagicMock(registry=CollectorRegistry()))


def enhancer_app() -> FastAPI:
    from davy_enhancer.rest import create_app
    from davy_enhancer.settings import EnhancerSettings

    return create_app(EnhancerSettings(), MagicMock(), MagicMock(), CollectorRegistry(), list, MagicMock())


def trainer_app() -> FastAPI:
    from davy_trainer.service.rest import build_app

    return build_app(MagicMock(), MagicMock(), CollectorRegistry(), bool, {}, MagicMock())


def company_app() -> FastAPI:
    from davy_company.rest import build_app

    return build_app(MagicMock(), CollectorRegistry(), MagicMock())


@pytest.mark.parametrize(
    ("service", "app"),
    [("aggregator", aggregator_app), ("enhancer", enhancer_app), ("trainer", trainer_app), ("company", company_app)],
)
def test_every_route_has_a_permission_and_every_permission_a_route(service, app):
    manual = {"GET /manual", "GET /manual/{path:path}"}  # mounted where the package contains the manual
    assert operations_of(app()) | manual == set(REST[service]) | manual


def test_every_grpc_method_has_a_permission():
    files = (alarm_pb2, analysis_pb2, edge_pb2, enhancer_pb2, ingest_pb2, model_pb2, recording_pb2, sample_pb2, trainer_pb2)
    services: list[ServiceDescriptor] = [each for file in files for each in file.DESCRIPTOR.services_by_name.values()]
    assert {f"/{service.full_name}/{method.name}" for service in services for method in service.methods} == {
        method for method in GRPC if method.startswith("/davy.")
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(tmp_path_factory) -> AsyncIterator[tuple[Running, dict[Role, str]]]:
    """A closed aggregator, and a token of every role."""
    folder: Path = tmp_path_factory.mktemp("closed")
    async with running(make_settings(folder, access="closed"), make_site()) as aggregator:
        with open_directory(folder, "") as directory:
            tokens = {
                role: directory.add_token(role, role, "north" if role is Role.EDGE else "", 1, "test")[1] for role in ROLES
            }
        yield aggregator, tokens


def authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


async def status_of(client: httpx.AsyncClient, operation: str, token: str = "") -> int:
    method, template = operation.split(" ")
    path = re.sub(r"\{[^}]*\}", "x1", template)
    async with client.stream(method, path, headers=authorization(token)) as response:
        return response.status_code


REST_OPERATIONS = [name for name in REST["aggregator"] if not name.startswith("WS ")]


@pytest.mark.proves("P8")
@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
async def test_a01_anonymous_requests_are_answered_401(closed):
    aggregator, _ = closed
    for name in REST_OPERATIONS:
        status = await status_of(aggregator.client, name)
        assert (status == 401) == (REST["aggregator"][name] != "public") or name == "POST /v1/session", f"{name}: {status}"
    assert await status_of(aggregator.client, "GET /v1/secret") == 401, "strangers learn no paths"
    assert await status_of(aggregator.client, "GET /v1/site", "davy_abc_wrong") == 401


@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", ROLES)
async def test_a01_each_role_gets_403_exactly_where_the_table_says(closed, role):
    aggregator, tokens = closed
    for name in REST_OPERATIONS:
        permission = REST["aggregator"][name]
        status = await status_of(aggregator.client, name, tokens[role])
        assert (status == 403) == (permission not in PERMISSIONS_OF[role]), f"{role} {name} ({permission}): {status}"
        assert status != 401 or name == "POST /v1/session", f"{role} {name}"
    assert await status_of(aggregator.client, "GET /v1/secret", tokens[role]) == 404


# grpc's client: the answer came before the first message was sent, 1 in 1,350 calls under load
OVER_BEFORE_SENT = "Internal error from Core"


async def code_of(channel: grpc.aio.Channel, method: str, token: str, limit_s: float) -> grpc.StatusCode:
    call = channel.stream_stream(method)(
        iter([b""]), timeout=limit_s, metadata=[*authorization(token).items()] and [("authorization", f"Bearer {token}")]
    )
    try:
        async for _ in call:
            break
        call.cancel()
        return grpc.StatusCode.OK
    except grpc.aio.AioRpcError as error:
        if error.details() == OVER_BEFORE_SENT:
            return await code_of(channel, method, token, limit_s)
        return error.code()


ELSEWHERE = ("Enhancer", "Trainer", "reflection", "Health/List")  # other services, and what gRPC's own do not implement
GRPC_METHODS = [name for name in GRPC if not any(part in name for part in ELSEWHERE)]


@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", [None, *ROLES])
async def test_a01_each_role_calls_exactly_the_methods_of_the_table(closed, role):
    aggregator, tokens = closed
    may = {name: GRPC[name] in PERMISSIONS_OF[role or Role.ANONYMOUS] for name in GRPC_METHODS}
    codes = await asyncio.gather(
        *(code_of(aggregator.channel, name, tokens.get(role, ""), 0.3 if may[name] else 20) for name in GRPC_METHODS)
    )
    for name, code in zip(GRPC_METHODS, codes, strict=True):
        if may[name]:
            assert code not in DENIALS, f"{role} {name} ({GRPC[name]}): {code}"
        else:
            wanted = grpc.StatusCode.PERMISSION_DENIED if role else grpc.StatusCode.UNAUTHENTICATED
            assert code is wanted, f"{role} {name} ({GRPC[name]}): {code}"


@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
async def test_a12_the_console_s_websocket_needs_an_identity(closed):
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    aggregator, tokens = closed
    url = aggregator.http.replace("http", "ws") + "/v1/console"
    for token in ("", tokens[Role.EDGE]):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=authorization(token), proxy=None)
        assert refused.value.response.status_code == 403
    async with connect(url, additional_headers=authorization(tokens[Role.VIEWER]), proxy=None) as socket:
        first = [json.loads(await socket.recv())["type"] for _ in range(2)]
        assert set(first) == {"state", "alarms"}


def test_a_table_without_an_operation_denies_it():
    assert Operations({}).find("GET", "/anything").permission is None
