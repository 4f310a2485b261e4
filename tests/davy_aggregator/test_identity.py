"""An aggregator with an identity: who may push, enrol and renew."""

import asyncio
import ssl
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import grpc
import httpx
import pytest
from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import RAW, envelope, make_settings, make_site
from tests.fixtures.identities import Identities

from davy.access.roles import Role
from davy.adapters.grpc.channels import open_channel
from davy.adapters.http.identity_client import IdentityClient, enroll, renewer_of
from davy.adapters.tls import client_context
from davy.domain.errors import AggregatorUnavailableError, IdentityRefusedError, InvalidInputError
from davy.identity import Authority, CredentialFiles, Identity, Token, new_token, write_credentials
from davy.v1 import edge_pb2, edge_pb2_grpc, ingest_pb2, ingest_pb2_grpc, model_pb2, model_pb2_grpc, sample_pb2, sample_pb2_grpc
from davy_aggregator.app import serve
from davy_cli.directory import open_directory
from davy_cli.main import main

pytestmark = pytest.mark.system

EXPIRY = "davy_certificate_expiry_timestamp_seconds"
NORTH = Identity.parse("davy://mine/edge/north")


@dataclass
class Aggregator:
    identities: Identities
    https: str
    grpcs: str
    registry: CollectorRegistry


@asynccontextmanager
async def secure_aggregator(tmp_path, **changes):
    identities, registry = Identities.make(tmp_path / "identities", "mine"), CollectorRegistry()
    identities.write("aggregator/main")
    settings = make_settings(tmp_path / "data", tls=identities.settings("aggregator/main"), **changes)
    settings = settings.model_copy(update={"authority": identities.authority.folder})
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(settings, make_site(), registry, ready.set_result))
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    ports = ready.result()
    try:
        yield Aggregator(identities, f"https://localhost:{ports.http}", f"grpcs://localhost:{ports.grpc}", registry)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def aggregator(tmp_path):
    async with secure_aggregator(tmp_path) as found:
        yield found


async def denied(call) -> str:
    """The text with which the aggregator denies the call."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with asyncio.timeout(10):
            while await call.read() is not grpc.aio.EOF:
                pass
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    return caught.value.details()


async def test_an_edge_pushes_its_own_frames_and_no_others(aggregator):
    async with open_channel(aggregator.grpcs, aggregator.identities.tls("edge/north")) as channel:
        call = ingest_pb2_grpc.IngestServiceStub(channel).PushFrames()
        await call.write(ingest_pb2.PushFramesRequest(frame=envelope(1)))
        assert (await call.read()).window
        assert (await call.read()).seq == 1
        await call.write(ingest_pb2.PushFramesRequest(frame=envelope(1, "thin/cam")))
        assert "davy://mine/edge/north may not send frames of edge thin" in await denied(call)
    expiry = aggregator.registry.get_sample_value(EXPIRY, {"identity": "davy://mine/aggregator/main"})
    own = CredentialFiles.in_folder(aggregator.identities.path("aggregator/main")).read().certificate
    assert expiry == own.not_valid_after_utc.timestamp()


async def test_an_edge_reports_its_own_events_and_no_others(aggregator):
    async with open_channel(aggregator.grpcs, aggregator.identities.tls("edge/north")) as channel:
        call = ingest_pb2_grpc.IngestServiceStub(channel).ReportEvents()
        event = {"site": "mine", "boot_id": "b1", "kind": "fire", "message": "fire", "occurred_ns": 1, "severity": 3}
        await call.write(ingest_pb2.ReportEventsRequest(event=ingest_pb2.Event(edge="north", seq=1, **event)))
        assert (await call.read()).seq == 1
        await call.write(ingest_pb2.ReportEventsRequest(event=ingest_pb2.Event(edge="thin", seq=2, **event)))
        assert "may not send events of edge thin" in await denied(call)


async def test_an_edge_sends_its_own_samples_and_no_others(aggregator):
    async with open_channel(aggregator.grpcs, aggregator.identities.tls("edge/north")) as channel:
        call = sample_pb2_grpc.SampleServiceStub(channel).PushSamples()
        sample = {"site": "mine", "boot_id": "b1", "reason": "dark", "captured_ns": 1, "jpeg": RAW}
        await call.write(sample_pb2.PushSamplesRequest(sample=sample_pb2.Sample(edge="north", camera="face", seq=1, **sample)))
        assert (await call.read()).seq == 1
        await call.write(sample_pb2.PushSamplesRequest(sample=sample_pb2.Sample(edge="thin", camera="cam", seq=2, **sample)))
        assert "may not send samples of edge thin" in await denied(call)


async def test_an_edge_takes_its_own_tasks_and_no_others(aggregator):
    async with open_channel(aggregator.grpcs, aggregator.identities.tls("edge/north")) as channel:
        call = edge_pb2_grpc.EdgeServiceStub(channel).AttachEdge()
        await call.write(edge_pb2.AttachEdgeRequest(hello=edge_pb2.EdgeHello(site="mine", edge="thin")))
        assert "may not send results of edge thin" in await denied(call)
    async with open_channel(aggregator.grpcs, aggregator.identities.tls("program/north")) as channel:
        call = edge_pb2_grpc.EdgeServiceStub(channel).AttachEdge()
        await call.write(edge_pb2.AttachEdgeRequest(hello=edge_pb2.EdgeHello(site="mine", edge="north")))
        assert "may not" in await denied(call)


async def test_a_program_pushes_no_frames(aggregator):
    async with open_channel(aggregator.grpcs, aggregator.identities.tls("program/north")) as channel:
        call = ingest_pb2_grpc.IngestServiceStub(channel).PushFrames()
        await call.write(ingest_pb2.PushFramesRequest(frame=envelope(1)))
        assert "davy://mine/program/north may not send frames" in await denied(call)


async def test_a_machine_enrols_with_a_token_once_and_speaks_for_its_edge(aggregator):
    token = new_token(aggregator.identities.authority, NORTH)
    made = await asyncio.to_thread(enroll, aggregator.https, token)
    assert made.identity == NORTH
    with pytest.raises(IdentityRefusedError, match="used"):
        await asyncio.to_thread(enroll, aggregator.https, token)


async def test_a_machine_sends_no_token_to_an_aggregator_of_another_fingerprint(aggregator, tmp_path):
    other = Authority.create(tmp_path / "other", "mine")
    token = Token(other.fingerprint, new_token(aggregator.identities.authority, NORTH).secret)
    with pytest.raises(IdentityRefusedError, match="has the fingerprint"):
        await asyncio.to_thread(enroll, aggregator.https, token)
    known = (aggregator.identities.authority.folder / "tokens.json").read_text()
    assert token.digest() in known


async def test_an_edge_renews_its_identity_with_the_certificate_that_it_has(aggregator):
    aggregator.identities.write("edge/north")
    tls = aggregator.identities.tls_of_files("edge/north", renew_url=aggregator.https)
    renewed = await asyncio.to_thread(renewer_of(tls).renew)
    assert renewed.identity == NORTH
    assert renewed.certificate.serial_number != tls.certificate.serial_number


async def test_a_caller_without_a_certificate_renews_nothing(aggregator):
    context = ssl.create_default_context(cadata=aggregator.identities.authority.ca.decode())
    with pytest.raises(IdentityRefusedError, match="shows no certificate"):
        await asyncio.to_thread(IdentityClient(aggregator.https, context).renew)


async def test_a_revoked_edge_renews_nothing(aggregator):
    tls = aggregator.identities.tls("edge/north", renew_url=aggregator.https)
    aggregator.identities.revoke("edge/north", "aggregator/main")
    with pytest.raises((AggregatorUnavailableError, IdentityRefusedError)):
        await asyncio.to_thread(renewer_of(tls).renew)


async def test_an_invalid_request_is_answered_with_its_reason(aggregator):
    client = IdentityClient(aggregator.https, client_context(aggregator.identities.tls("edge/north")))
    with pytest.raises(InvalidInputError, match="PKCS 10"):
        await asyncio.to_thread(client._certify, "/renew", b"", {"request": "nonsense"})


def davy_identity(monkeypatch, capsys, *arguments):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["davy", "identity", *map(str, arguments)])
        status = main()
    return (status, *capsys.readouterr())


async def test_the_command_enrols_and_rotates_at_an_aggregator(aggregator, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "north"
    authority = aggregator.identities.authority.folder
    run = lambda *arguments: asyncio.to_thread(davy_identity, monkeypatch, capsys, *arguments)  # noqa: E731
    token = (await run("token", "edge/north", "--authority", authority))[1].strip()
    (tmp_path / "token").write_text(token)
    status, out, _ = await run("enroll", aggregator.https, "--token-file", tmp_path / "token", "--folder", folder)
    assert status == 0
    assert "davy://mine/edge/north" in out
    before = CredentialFiles.in_folder(folder).read()
    status, out, _ = await run("rotate", folder, "--url", aggregator.https)
    assert status == 0
    after = CredentialFiles.in_folder(folder).read()
    assert after.identity == before.identity == NORTH
    assert after.key != before.key
    status, _, error = await run("enroll", aggregator.https, token, "--folder", folder)
    assert status == 1
    assert "make another with `davy identity token`" in error


@pytest.fixture
async def closed(tmp_path):
    async with secure_aggregator(tmp_path, access="closed") as found:
        yield found


async def test_a_closed_aggregator_knows_an_edge_by_its_certificate(closed):
    async with open_channel(closed.grpcs, closed.identities.tls("edge/north")) as channel:
        call = ingest_pb2_grpc.IngestServiceStub(channel).PushFrames()
        await call.write(ingest_pb2.PushFramesRequest(frame=envelope(1)))
        assert (await call.read()).window
        assert (await call.read()).seq == 1
        frames = ingest_pb2_grpc.FrameServiceStub(channel).SubscribeFrames(ingest_pb2.SubscribeFramesRequest())
        assert "may not" in await denied(frames)


async def test_a_closed_aggregator_denies_what_a_certificate_does_not_allow(closed):
    async def status(context) -> int:
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            return (await client.get(f"{closed.https}/v1/users")).status_code

    assert await status(client_context(closed.identities.tls("edge/north"))) == 403
    assert await status(ssl.create_default_context(cadata=closed.identities.authority.ca.decode())) == 401


async def test_a_closed_aggregator_still_enrols_and_renews(closed):
    made = await asyncio.to_thread(enroll, closed.https, new_token(closed.identities.authority, NORTH))
    write_credentials(closed.identities.path("edge/north"), made)
    tls = closed.identities.tls_of_files("edge/north", renew_url=closed.https)
    assert (await asyncio.to_thread(renewer_of(tls).renew)).identity == NORTH


async def test_a_program_with_a_certificate_acts_for_the_holder_of_its_token(tmp_path):
    async with secure_aggregator(tmp_path, access="closed") as aggregator:
        with open_directory(tmp_path / "data", "") as directory:
            _, token = directory.add_token("ada", Role.ENGINEER, "", 1, "test")
        program, metadata = aggregator.identities.tls("program/ada"), (("authorization", f"Bearer {token}"),)
        async with open_channel(aggregator.grpcs, program) as channel:
            stub = model_pb2_grpc.RolloutServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ListRollouts(model_pb2.ListRolloutsRequest(), timeout=20)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
            await stub.ListRollouts(model_pb2.ListRolloutsRequest(), metadata=metadata, timeout=20)
        async with httpx.AsyncClient(verify=client_context(program), trust_env=False) as client:
            headers = {"Authorization": f"Bearer {token}"}
            assert (await client.get(f"{aggregator.https}/v1/session", headers=headers)).json()["name"] == "ada"
            assert (await client.get(f"{aggregator.https}/v1/session")).status_code == 401
